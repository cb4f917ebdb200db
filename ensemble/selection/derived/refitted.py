"""Refitted models in the place of those that were chosen: the same settings, trained on train and val together.

Val decides nothing anew, since it was trained on: who votes, with what weight and which views stays as it was chosen.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from common import search_state
from common.command_line import python
from common.errors import EnsembleError
from common.search_folder import BEST_WEIGHTS, REFIT
from common.search_record import SearchRecord
from ensemble.selection.choice import Choice, Chosen


def refitted(choice: Choice) -> Choice:
    """Let the refit of each member vote in its place.

    Raises:
        EnsembleError: one has none, or none that has ended; the line says the command.
    """
    return replace(choice, members=tuple(map(_refit_of, choice.members)))


def _refit_of(member: Chosen) -> Chosen:
    search = _search_of(member.folders[0])
    if not all(folder.is_relative_to(search) for folder in member.folders):
        raise EnsembleError(f"--refit: the models of {member.name} are of several searches; choose anew: --choose")
    wanted = [folder.relative_to(search).as_posix() for folder in member.folders]
    resume = f"{python()} tune_main.py --resume {search}"
    for folder in reversed(search_state.own_searches(search, REFIT)):
        trained, begun = _trained(folder, wanted)
        if trained:
            return replace(member, folders=(trained,))
        if begun:
            raise EnsembleError(f"--refit: {member.name} is not refitted to the end yet: {resume}/{folder.name}")
    raise EnsembleError(f"--refit: {member.name} is not refitted yet, which is done by: {resume} --refit")


def _search_of(folder: Path) -> Path:
    """Find the search whose trial, or confirmation's trial, is in a folder."""
    above = folder.parent.parent
    return above if folder.parent in search_state.own_searches(above) else folder.parent


def _trained(refit: Path, wanted: list[str]) -> tuple[Path | None, bool]:
    """Find the trial of a refit that took the place of these models, if it has ended; and whether it was begun."""
    try:
        members: list[dict[str, Any]] = (SearchRecord.read(refit).refits or {}).get("members", [])
        trials = (search_state.trials_of(refit) or {"trials": []})["trials"]
        points = [each["settings"] for each in members if each["folders"] == wanted]
        status = {str(each["trial"]): each["status"] for each in trials if each["settings"] in points}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EnsembleError(f"{refit} cannot be read ({error}); move it away, and refit again") from None
    able = [refit / each for each in status if status[each] == "finished" and (refit / each / BEST_WEIGHTS).is_file()]
    return (able[0] if able else None), bool(points) and not set(status.values()) & {"failed", "finished"}
