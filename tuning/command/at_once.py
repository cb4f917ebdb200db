"""What of the options can be told to be wrong before torch, Optuna and Ray are there, which takes seconds."""

from __future__ import annotations

import argparse
from pathlib import Path

from common import search_state
from common.addresses.uris import is_uri, location
from common.command_line import did_you_mean
from common.errors import OptionError, StoreError
from trainable.archs import ARCHS
from tuning.command.options import limits
from tuning.plan import space_names
from tuning.plan.budget import Budget
from tuning.storage import naming


def check(options: argparse.Namespace) -> None:
    """Raises OptionError: a name or a number that cannot be. SpaceError: there is no such space. StoreError,
    SearchError: no such folder. UriError: an address that cannot be."""
    if options.arch not in (None, *ARCHS):
        hint = did_you_mean(options.arch, ARCHS) or f"they are {', '.join(ARCHS)}"
        raise OptionError(f"--arch {options.arch}: no such network; {hint}")
    if options.set:
        from trainable.config import parse_setting  # --help does without NumPy

        for setting in options.set:
            parse_setting(setting)
    if options.name:
        naming.check(options.name, "", is_uri(options.runs))
    if options.data and isinstance(where := location(str(options.data)), Path) and not where.exists():
        folder = where.absolute()
        raise StoreError(f"{folder} does not exist: make a store with python -m data_prep --out {folder}")
    if options.resume is None:
        space_names.check(options.space)
        Budget.of(limits(options), trials=1)
    elif isinstance(options.resume, Path) and not search_state.holds_search(options.resume):
        raise search_state.none_in(options.resume.absolute())
