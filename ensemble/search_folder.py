"""Finds a finished search and the dataset store it was run on."""

from __future__ import annotations

import shutil
from pathlib import Path

from common import search_state, uris
from common.command_line import python
from common.errors import EnsembleError, OptionError, UriError
from common.files import check_file, check_folder
from common.remote_folder import RemoteFolder
from common.search_folder import BEST_WEIGHTS, ENSEMBLE, SEARCH, STATE, VAL_PREDICTIONS
from common.search_record import SearchRecord
from common.security import terminal
from data_prep import node_copy
from data_prep.store.store import Store

MEMBERS = (BEST_WEIGHTS, VAL_PREDICTIONS)
"""What the vote needs of a trial."""


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
        able = {name.partition("/")[0] for name in found if name.endswith(f"/{BEST_WEIGHTS}")}
        for name, entry in found.items():
            trial, _, file = name.partition("/")
            if name in (SEARCH, ENSEMBLE) or trial == STATE or (trial in able and file in MEMBERS):
                there.fetch(name, entry, folder / name)
    except (OSError, UriError) as error:
        raise EnsembleError(f"--search {search} cannot be read ({_line(error)})") from None
    for old in search_state.states(folder):
        if f"{STATE}/{old.name}/{search_state.MANIFEST}" not in found:
            shutil.rmtree(old)
    if not search_state.holds_search(folder):
        raise EnsembleError(f"--search {search}: no search is there (no {SEARCH}); name one of those under its --runs")
    return folder


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


def check_can_keep(search: Path, out: Path, opens_test: bool) -> None:
    """Say before anything is predicted that it cannot be kept.

    Raises:
        OptionError: `out` cannot be written. EnsembleError: the search's folder cannot, and test is to be opened.
    """
    if not (search / SEARCH).exists():
        return  # `open_store` says so
    if opens_test:
        try:
            check_folder("--search", search)
        except OptionError as error:
            raise EnsembleError(
                f"{error}: {ENSEMBLE}, which says that test was opened, belongs there; or predict photos alone, with "
                "--photos DIR --out FILE"
            ) from None
    check_file("--out", out)


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


def open_store(search: Path, moved: str | None = None) -> Store:
    """Open the store that the search was run on, with its shards verified; one at an address is copied here first.

    Args:
        moved: where it is, if it is not where the search had it.

    Raises:
        EnsembleError: `search` is no search.
        StoreError: the store is missing or damaged, or another one now.
    """
    store = _read(search).store
    return node_copy.open_again(store["path"], store["hash"], moved, verify=True, say=terminal.say, progress=True)


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
