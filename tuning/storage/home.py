"""Where searches are kept: in a folder that every machine sees, or at an address that a folder of this one mirrors.

The rest of `tuning` asks a home and need not know which of the two it is.
"""

from __future__ import annotations

from pathlib import Path

from tuning.plan.plan import Plan
from tuning.storage.any_home import Home
from tuning.storage.folder_home import FolderHome
from tuning.storage.uri_home import UriHome

__all__ = ["Home", "at", "of"]


def at(location: str | Path) -> Home:
    """The home at an address, or in a folder, which messages name as it is given."""
    return UriHome(location) if isinstance(location, str) else FolderHome(location)


def of(plan: Plan) -> Home:
    return UriHome(plan.remote, plan.folder) if plan.remote else FolderHome(plan.folder)
