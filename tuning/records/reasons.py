"""Why trials failed, in a line each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from ray.tune.experiment import Trial

from common.search_folder import TRIAL_ERROR
from common.search_record import FailedTrials
from common.security.regular_file import read_text
from common.wording import counted
from tuning import ray_internals

OURS = "common.errors."
"""Where Python says that our own errors are from, which tells a reader nothing."""

LISTED = 5
"""Reasons, and trials of one reason, that are printed; search.json has all of them."""


def reason(trial: Trial) -> str:
    """Why it failed, in one line: the exception's own, without the traceback above it."""
    if why := ray_internals.diverged(trial):
        return why
    text = _last_failure(trial)
    if not text:
        return f"see {TRIAL_ERROR} in its folder"
    if _short_of_memory(text):
        return "worker killed, as the machine ran short of memory; fewer trials at a time need less (--cpus-per-trial)"
    if not _is_exception(text):
        return "worker hung" if "`ray.kill`" in text else "worker died"
    lines = text.splitlines()
    after_traceback = [line for before, line in pairwise(lines) if before[:1] == " " != line[:1]]
    return (after_traceback or lines)[-1].strip().removeprefix(OURS)


def grouped(trials: Iterable[Trial]) -> list[FailedTrials]:
    """The failed trials by reason, the commonest first, for search.json."""
    found: dict[tuple[str, bool], list[str]] = {}
    for trial in trials:
        diverged = ray_internals.diverged(trial) is not None
        if diverged or trial.status == Trial.ERROR:
            found.setdefault((reason(trial), diverged), []).append(str(trial))
    order = sorted(found.items(), key=lambda group: -len(group[1]))
    return [{"reason": why, "diverged": diverged, "trials": names} for (why, diverged), names in order]


def described(groups: list[FailedTrials]) -> str:
    """ "3 trials failed: 2 x RuntimeError: broken on purpose (trial-002, trial-005); 1 x worker died (trial-003)" """
    count = sum(len(group["trials"]) for group in groups)
    parts = [f"{len(group['trials'])} x {group['reason']} ({_some(group['trials'])})" for group in groups[:LISTED]]
    if len(groups) > LISTED:
        parts.append(f"and {len(groups) - LISTED} more reasons")
    return f"{counted(count, 'trial')} failed: {'; '.join(parts)}"


def _some(names: list[str]) -> str:
    return ", ".join([*names[:LISTED], *(["..."] if len(names) > LISTED else [])])


def _last_failure(trial: Trial) -> str:
    """What Ray wrote of it. Of a trial that failed before the search was resumed only the search folder has it."""
    for folder in (Path(trial.local_path), ray_internals.folder_of(trial)):
        file = folder / TRIAL_ERROR
        if file.is_file():
            return read_text(file, errors="replace").rpartition("Failure # ")[2].strip()
    return ""


def _is_exception(text: str) -> bool:
    """Whether our code failed, setup() included: "ray::CurveTrial.train() ..." leads its traceback. Else a worker or
    node died."""
    return not _short_of_memory(text) and ("ray::" in text or "Traceback" in text)


def _short_of_memory(text: str) -> bool:
    """Whether Ray's memory monitor killed the worker: below, it lists the processes that use most, ray::IDLE too."""
    found = text.splitlines()[1:2]  # after when it was
    return bool(found) and "killed due to the node running low on memory" in found[0]
