"""Finds a finished search and the dataset store it was run on."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from common import search_state
from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.command_line import python
from common.errors import EnsembleError, OptionError, UriError
from common.files import check_file, check_folder
from common.search_folder import BEST_WEIGHTS, CONFIRM, ENSEMBLE, REFIT, SEARCH, STATE, VAL_PREDICTIONS
from common.search_record import SearchRecord, State
from common.security import terminal
from data_prep import node_copy
from data_prep.store.store import Store

MEMBERS = (BEST_WEIGHTS, VAL_PREDICTIONS)
"""What the vote needs of a trial."""

_OWN = re.compile(rf"^(?:{CONFIRM}|{REFIT})(?:-\d+)?/")
"""What the files of a search's own searches begin with."""


@dataclass(frozen=True)
class Search:
    """It is a search to choose from.

    Attributes:
        where: its folder or address, as a person names it.
        folder: where its files are on this machine.
    """

    where: str | Path
    folder: Path

    @property
    def has_ended(self) -> bool:
        """Say whether it runs no more; one that was killed looks as if it ran."""
        return _read(self.folder).state is not State.RUNNING


def named(searches: Sequence[str | Path] | None, runs: str | Path) -> list[Search]:
    """Find the searches that a person names, or the newest under `runs`.

    Raises:
        EnsembleError: one is none, or cannot be read, or was run on another store than the first.
    """
    newest_one = newest_at if isinstance(runs, str) else newest
    wheres = searches or [newest_one(runs)]  # type: ignore[arg-type]
    found = [Search(where, local(where)) for where in wheres]
    first = found[0]
    for number, each in enumerate(found[1:], 1):
        if each.folder.resolve() in {other.folder.resolve() for other in found[:number]}:
            raise EnsembleError(f"--search {each.where}: it is named twice; name each search once")
        if (other := _read(each.folder).store.get("hash")) != (own := _read(first.folder).store.get("hash")):
            raise EnsembleError(
                f"--search {each.where}: it was run on another store ({str(other)[:12]}...) than {first.where} "
                f"({str(own)[:12]}...), and one vote needs one split of people; name searches of one store"
            )
    return found


def check_ended(searches: Sequence[Search]) -> None:
    """Keep test closed while trials are still chosen.

    Raises:
        EnsembleError: a search is running.
    """
    for search in searches:
        if not search.has_ended:
            raise EnsembleError(
                f"--test: {search.where} is still running, or was killed, and test is opened once it has ended: go on "
                f"with it by {python()} tune_main.py --resume {search.where}, or leave --test out for now"
            )


def local(search: str | Path) -> Path:
    """Find the search's folder; of a search at an address, what the vote needs is copied here if it is not here yet.

    Raises:
        EnsembleError: it cannot be read, or no search is there.
    """
    if isinstance(search, Path):
        return search
    folder = uris.place("searches", search)
    try:
        there = RemoteFolder.of(search)
        found = there.list()
        able = {name.rpartition("/")[0] for name in found if name.endswith(f"/{BEST_WEIGHTS}")}
        for name, entry in found.items():
            if _is_needed(name, able):
                there.fetch(name, entry, folder / name)
    except (OSError, UriError) as error:
        raise EnsembleError(f"--search {search} cannot be read ({_line(error)})") from None
    own = [each for kind in (CONFIRM, REFIT) for each in search_state.own_searches(folder, kind)]
    for old in [state for each in (folder, *own) for state in search_state.states(each)]:
        if (old / search_state.MANIFEST).relative_to(folder).as_posix() not in found:
            shutil.rmtree(old)
    if not search_state.holds_search(folder):
        raise EnsembleError(f"--search {search}: no search is there (no {SEARCH}); name one of those under its --runs")
    return folder


def _is_needed(name: str, able: Collection[str]) -> bool:
    """Say whether the vote needs a file of a search, or of one of its confirmations or refits.

    Args:
        able: the folders that hold weights.
    """
    within = _OWN.sub("", name)
    trial, file = name.rpartition("/")[0], name.rpartition("/")[2]
    return within in (SEARCH, ENSEMBLE) or within.startswith(f"{STATE}/") or (trial in able and file in MEMBERS)


def keep(search: str | Path, file: Path) -> None:
    """Take a file to the search, if that is at an address and the file is of its copy here.

    Raises:
        EnsembleError: it cannot be written there.
    """
    if isinstance(search, Path) or file.parent != uris.place("searches", search):
        return
    try:
        RemoteFolder.of(search).upload(file, file.name)
    except (OSError, UriError) as error:
        raise EnsembleError(f"--search {search} cannot be written ({_line(error)})") from None


def check_can_keep(search: Path, out: Path, needed: bool) -> bool:
    """Say before anything is predicted whether what is chosen can be kept.

    Args:
        needed: it must be, since test is opened or the search's own predictions are written.

    Raises:
        OptionError: `out` cannot be written. EnsembleError: the search's folder cannot, and that is needed.
    """
    if not search_state.holds_search(search):
        return False  # `open_store` says so
    check_file("--out", out)
    try:
        check_folder("--search", search)
    except OptionError as error:
        if needed:
            raise EnsembleError(
                f"{error}: {ENSEMBLE}, which keeps what is chosen, belongs there; or predict photos alone, with "
                "--photos DIR --out FILE"
            ) from None
        return False
    return True


def newest_at(runs: str) -> str:
    """Find the address of the search at `runs` that was started last.

    Raises:
        EnsembleError: there is none, or they cannot be read.
    """
    try:
        there = RemoteFolder.of(runs)
        texts = {name: text for name in there.names() if (text := (there / name).read(SEARCH)) is not None}
        started = {name: SearchRecord.of(text).started for name, text in texts.items()}
    except (OSError, ValueError, UriError) as error:
        raise EnsembleError(f"--runs {runs} cannot be read ({_line(error)})") from None
    if not started:
        raise EnsembleError(f"{runs} holds no search; run one first: {_first_search()} --runs ...")
    return uris.child(runs, max(started, key=lambda name: started[name]))


def _first_search() -> str:
    return f"{python()} tune_main.py --space age_bands"


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def newest(runs: Path) -> Path:
    """Find the search under `runs` that was started last.

    Raises:
        EnsembleError: there is none.
    """
    searches = [each for each in runs.iterdir() if search_state.holds_search(each)] if runs.is_dir() else []
    if not searches:
        raise EnsembleError(f"{runs} holds no search; run one first: {_first_search()}")
    return max(searches, key=_started)


def open_store(search: Path, moved: str | None = None, *, verify: bool = True) -> Store:
    """Open the store that the search was run on; one at an address is copied here first.

    Args:
        moved: where it is, if it is not where the search had it.
        verify: hash its shards, a second a gigabyte: for photos of the store that are to be predicted.

    Raises:
        EnsembleError: `search` is no search.
        StoreError: the store is missing or damaged, or another one now.
    """
    return node_copy.open_again(*_store(search), moved, verify=verify, say=terminal.say, progress=True)


def store_hash(search: Path) -> str:
    """Tell which store the search was run on, without opening it."""
    return _store(search)[1]


def _store(search: Path) -> tuple[str, str]:
    record = _read(search)
    try:
        return record.named_store
    except ValueError as error:
        raise EnsembleError(f"{search / SEARCH}: {error}") from None


def _started(search: Path) -> str:
    return _read(search).started


def _read(search: Path) -> SearchRecord:
    try:
        return SearchRecord.read(search)
    except FileNotFoundError:
        raise EnsembleError(f"--search {search}: no search is there (no {SEARCH}); name a folder under runs/") from None
    except OSError as error:
        raise EnsembleError(f"{search / SEARCH} cannot be read ({error.strerror}); name another search") from None
    except ValueError as error:
        raise EnsembleError(f"{search / SEARCH} is damaged: {error}") from None
