"""Finds a finished search and the dataset store it was run on."""

from __future__ import annotations

import json
from pathlib import Path

from data_prep import node_copy
from data_prep.store import Store
from errors import EnsembleError
from files import SEARCH


def newest(runs: Path) -> Path:
    """The search under `runs` that was started last.

    Raises:
        EnsembleError: there is none.
    """
    searches = {folder.parent: folder.stat().st_mtime for folder in runs.glob(f"*/{SEARCH}")}
    if not searches:
        raise EnsembleError(f"{runs} holds no search; run one first: python tune_main.py --space age_bands")
    return max(searches, key=lambda folder: _started(folder))


def open_store(search: Path) -> Store:
    """The store named in search.json, with its shards verified; one at an address is copied here, if it is not yet.

    Raises:
        EnsembleError: `search` is no search.
        StoreError: the store is missing or damaged, or another one now.
    """
    about = _read(search)["store"]
    return node_copy.open_store(about["path"], about["hash"], verify=True, say=print, progress=True)


def _started(search: Path) -> str:
    return str(_read(search)["started"])


def _read(search: Path) -> dict:
    try:
        about: dict = json.loads((search / SEARCH).read_text())
        return about
    except FileNotFoundError:
        raise EnsembleError(f"--search {search}: no search is there (no {SEARCH}); name a folder under runs/") from None
    except ValueError:
        raise EnsembleError(f"{search / SEARCH} is damaged: it is no JSON") from None
