"""What failed and why, and what the search was run with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from common.page.page import Section
from common.page.parts import paragraph, table
from tuning.report.searched import Searched


def failures(searches: Sequence[Searched]) -> Section:
    """List the reasons of failed trials, the commonest first."""
    rows = [
        [search.name, len(group["trials"]), group["reason"], ", ".join(group["trials"])]
        for search in searches
        for group in search.record.failed or []
    ]
    if not rows:
        return Section("Failed trials", [paragraph("No trial is known to have failed.")])
    return Section("Failed trials", [table(["search", "trials", "why", "which"], rows)])


def origins(searches: Sequence[Searched]) -> Section:
    """Tell each search's command, store, settings that did not vary, and versions."""
    parts = []
    for search in searches:
        record = search.record
        facts = {
            "command": _typed(record.command or []),
            "started": record.started,
            "ended": record.ended,
            "store": f"{record.store.get('path', '')}, hash {record.store.get('hash', '')}",
            "space": search.plan.space.about,
            "profile": search.plan.profile.name,
            "fixed": ", ".join(f"{key}={value}" for key, value in search.plan.settings.items()),
            "code": record.code,
            "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
        }
        parts.append(table([search.name, ""], [[key, value] for key, value in facts.items() if value]))
    return Section("Made with", parts)


def _typed(command: Sequence[str]) -> str:
    """Write the command as it is typed; Python says only which file it ran."""
    script = bool(command) and command[0].endswith(".py")
    return shlex.join(["python", Path(command[0]).name, *command[1:]] if script else command)
