"""What a search is, for every program that reads one: its newest whole state, whatever else lies in its folder.

state/000041/    experiment_state-*.json, search_gen_state-*.json, searcher-state-*.pkl    what Ray goes on from
                 search.json      what the search was asked for, and what it has cost
                 trials.json      its trials, and the scores that ASHA compares
                 manifest.json    the SHA-256 of each
state/000042/    the moment after it

search.json and leaderboard.csv in the search's folder show people what is here, and are not read where a state is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import NoneType
from typing import Any

from common.errors import SearchError
from common.files import file_sha256
from common.search_folder import CONFIRM, SEARCH, STATE
from common.security.archives import is_plain
from common.security.regular_file import TABLE, parse_json, read_bytes, read_json

TRIALS = "trials.json"
MANIFEST = "manifest.json"

_TRIAL = re.compile(r"trial-\d+")


def states(search: Path) -> list[Path]:
    """List the states in a search's folder by their number, the oldest first, whole or not."""
    found = (each for each in (search / STATE).glob("*") if each.name.isdecimal())
    own = (each for each in found if (each / MANIFEST).exists() or any(each.glob("experiment_state-*")))
    return sorted(own, key=lambda each: int(each.name))


def newest(search: Path) -> Path | None:
    """Find the newest state that is whole; None where there is none."""
    return next((each for each in reversed(states(search)) if is_whole(each)), None)


def is_whole(state: Path) -> bool:
    """Say whether every file of a state is there, as it was written, and trials.json says what one says.

    Whoever votes may be given anybody's search: what is no name of a file here, or larger than a state's, is not read.
    """
    try:
        hashes = dict(read_json(state / MANIFEST))
        return (
            bool(hashes)
            and all(is_plain(name) for name in hashes)
            and all(file_sha256(state / name, TABLE) == sha256 for name, sha256 in hashes.items())
            and (TRIALS not in hashes or _are_trials(read_json(state / TRIALS)))
        )
    except (OSError, ValueError, TypeError):
        return False


def _are_trials(about: Any) -> bool:
    return (
        isinstance(about, dict)
        and isinstance(about.get("trials"), list)
        and isinstance(about.get("rungs", {}), dict)
        and all(isinstance(each, dict) and all(_fits(each, name) for name in _RULES) for each in about["trials"])
        and all(is_plain(each["trial"]) for each in about["trials"])
    )


def _fits(trial: dict[str, Any], name: str) -> bool:
    kinds, needed = _RULES[name]
    if name not in trial:
        return not needed
    return type(trial[name]) in kinds and (type(trial[name]) is not int or abs(trial[name]) < 2**63)


_RULES = {
    **{"trial": ((str,), True), "status": ((str,), True), "settings": ((dict,), True)},
    **{"epochs": ((int,), False), "seconds": ((float, int), False), "best_epoch": ((int, NoneType), False)},
    **dict.fromkeys(("val_f1", "val_f1_best", "low", "high"), ((float, int, NoneType), False)),
    **dict.fromkeys(("id", "checkpoint"), ((str, NoneType), False)),
}
"""By what is said of a trial: its types, and whether every version says it."""


def read(search: Path, name: str) -> bytes | None:
    """Read search.json or trials.json of the newest whole state; None where versions before kept no such file."""
    state = newest(search)
    return read_bytes(state / name) if state and (state / name).is_file() else None


def record_of(search: Path) -> bytes:
    """Read search.json: the newest whole state's, or else the one in the folder of a search that has no state yet.

    Raises:
        FileNotFoundError: no search is there. OSError: it cannot be read.
    """
    kept = read(search, SEARCH)
    return read_bytes(search / SEARCH) if kept is None else kept


def trials_of(search: Path) -> dict[str, Any] | None:
    """Read trials.json: "trials", a mapping each in the order of their start, and "rungs"; None as for `read`."""
    kept = read(search, TRIALS)
    return None if kept is None else trials_in(kept)


def trials_in(text: bytes) -> dict[str, Any]:
    """Read a trials.json. Raises ValueError: it is none."""
    about = parse_json(text)
    if not _are_trials(about):
        raise ValueError(f"{TRIALS} says what no search says of its trials")
    return dict(about)


def none_in(folder: Path) -> SearchError:
    """The error that no search is in a folder."""
    return SearchError(f"{folder} holds no search: there is no {SEARCH}; name a folder under runs/")


def holds_search(folder: Path) -> bool:
    """Say whether a folder is a search's."""
    return (folder / SEARCH).is_file() or bool(states(folder))


def own_searches(search: Path, kind: str = CONFIRM) -> list[Path]:
    """List the folders of the confirmations, or refits, that a search holds, the oldest first."""
    named = {each: re.fullmatch(rf"{kind}(?:-(\d+))?", each.name) for each in search.glob(f"{kind}*")}
    found = {each: int(name[1] or 1) for each, name in named.items() if name and holds_search(each)}
    return sorted(found, key=lambda each: found[each])


def trials_without_folder(search: Path) -> list[str]:
    """Name the search's own trials whose folders are not there, or were taken away since."""
    kept = trials_of(search) or {"trials": []}
    there = {folder.name for folder in trial_folders(search)}
    return [name for trial in kept["trials"] if (name := str(trial["trial"])) not in there]


def trial_folders(search: Path) -> list[Path]:
    """List the folders of the search's own trials that are there, in the order of their start. What else lies in the
    search's folder, a copy of a trial among it, is none of them."""
    kept = trials_of(search)
    if kept is None:
        names: Iterable[str] = sorted(
            (each.name for each in search.glob("*") if _TRIAL.fullmatch(each.name)),
            key=lambda name: int(name.removeprefix("trial-")),
        )
    else:
        names = [str(trial["trial"]) for trial in kept["trials"]]
    return [search / name for name in names if "/" not in name and (search / name).is_dir()]
