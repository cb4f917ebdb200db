"""What a search goes on from: copies of Ray's state, each whole and hashed, and the checkpoints that they speak of.

state/000041/          Ray's three files of one moment, and manifest.json with the SHA-256 of each
state/000042/          the moment after it

Ray writes its state every second or so and copies it into the search's folder in the background, file by file: a
driver that is killed may leave half a copy. Here the files of one moment get their folder's name together.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from common.errors import SearchError
from common.files import file_sha256, replacing
from common.search_folder import STATE
from common.security.regular_file import read_json

RAYS = ("experiment_state-*.json", "search_gen_state-*.json", "searcher-state-*.pkl")
"""The trials, how many were started, and the study."""

MANIFEST = "manifest.json"
KEPT = 2


def install(folder: Path) -> None:
    """Put the newest whole state of the search in `folder` where Ray looks for it.

    Raises:
        SearchError: none of them is whole.
    """
    copies = sets(folder / STATE)
    whole = next((each for each in reversed(copies) if _is_whole(each)), None)
    if copies and whole is None:
        raise SearchError(
            f"{folder / STATE}: the state of the search cannot be read, none of its {len(copies)} copies is whole; "
            "put one back from a backup, or start another search"
        )
    if whole is None:  # of a version that kept none: Ray's own copy is all there is
        return
    for pattern in RAYS:
        for old in folder.glob(pattern):
            old.unlink()
    for file in _state(whole):
        with replacing(folder / file.name, alone=True) as fresh:
            shutil.copyfile(file, fresh)


def exists(folder: Path) -> bool:
    """Whether a search has come far enough to leave a state."""
    return bool(sets(folder / STATE) or _state(folder))


def _is_whole(each: Path) -> bool:
    try:
        return bool(_state(each)) and read_json(each / MANIFEST) == _hashes(each)
    except (OSError, ValueError):
        return False


def _hashes(each: Path) -> dict[str, str]:
    return {file.name: file_sha256(file) for file in _state(each)}


def sets(state: Path) -> list[Path]:
    """The states in the folder state/, the oldest first."""
    return sorted(each for each in state.glob("[0-9]*") if each.name.isdecimal())


def _state(folder: Path) -> list[Path]:
    """Ray's three files, each the newest as Ray chooses (names end with when the driver began); none if one lacks."""
    newest = [max(folder.glob(pattern), default=None) for pattern in RAYS]
    files = [file for file in newest if file]
    return files if len(files) == len(RAYS) else []
