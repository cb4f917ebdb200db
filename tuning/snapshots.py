"""What a search goes on from: copies of Ray's state, each whole and hashed, and the checkpoints that they speak of.

state/000041/          Ray's three files of one moment, and manifest.json with the SHA-256 of each
state/000042/          the moment after it

Ray writes its state every second or so and copies it into the search's folder in the background, file by file: a
driver that is killed may leave half a copy. Here the files of one moment get their folder's name together.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from errors import SearchError
from files import STATE, file_sha256, write_json
from tuning import checkpoints

RAYS = ("experiment_state-*.json", "search_gen_state-*.json", "searcher-state-*.pkl")
"""The trials, how many were started, and the study."""

MANIFEST = "manifest.json"
KEPT = 2


class Snapshots(tune.Callback):
    """Keeps the last `KEPT` states of Ray's in `folder`, and of every trial the checkpoints they name and the one
    before the newest of these, in case that one is damaged.

    Ray could keep a number of checkpoints by itself, but then it removes one while its last state still names it, and
    a search whose driver is killed at that moment loses the trial.
    """

    def __init__(self, folder: Path, removing: checkpoints.Remove | None = None) -> None:
        self._folder, self._remove = folder / STATE, removing or checkpoints.remove
        self._files: list[Path] = []
        self._taken = 0
        self._latest: list[dict[str, str]] = []
        """For each state that is kept, a trial's newest checkpoint in it."""

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Ray has just written its state, if it was time to, in this thread: it is whole and of this moment."""
        if not trials:
            return
        if not self._files:  # a driver writes the same three again and again; trials have folders beside them
            self._files = _state(Path(trials[0].storage.experiment_driver_staging_path))
        if not self._files or (when := self._files[0].stat().st_mtime_ns) == self._taken:
            return
        self._keep()
        self._taken = when
        self._latest = [*self._latest[1 - KEPT :], {trial.trial_id: path for trial in trials if (path := _path(trial))}]
        if len(self._latest) == KEPT:  # before, a state on disk may be of an earlier driver
            for trial in trials:
                self._remove_old_checkpoints(trial)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self.on_step_end(0, trials)

    def _keep(self) -> None:
        before = sets(self._folder)
        number = int(before[-1].name) + 1 if before else 1
        partial = self._folder / f".{number:06d}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for file in self._files:
            shutil.copyfile(file, partial / file.name)
        write_json(partial / MANIFEST, _hashes(partial))
        partial.rename(self._folder / f"{number:06d}")
        for old in before[: len(before) + 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def _remove_old_checkpoints(self, trial: Trial) -> None:
        manager = trial.run_metadata.checkpoint_manager
        held = manager._checkpoint_results
        named = {latest[trial.trial_id] for latest in self._latest if trial.trial_id in latest}
        paths = [result.checkpoint.path for result in held]
        if len(held) <= KEPT or paths[-1] not in named:
            return
        named.add(paths[-2])
        manager._checkpoint_results = [result for result in held if result.checkpoint.path in named]
        for path in paths:
            if path not in named:
                self._remove(Path(path).parent, Path(path).name)


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
        temporary = folder / f".{file.name}.tmp"
        shutil.copyfile(file, temporary)
        temporary.replace(folder / file.name)


def exists(folder: Path) -> bool:
    """Whether a search has come far enough to leave a state."""
    return bool(sets(folder / STATE) or _state(folder))


def trusted(folder: Path) -> list[Path]:
    """What Ray would read as code, or what lies around it: each of these files and folders that there is."""
    state = folder / STATE
    around = [state, *sets(state)] if state.exists() or state.is_symlink() else []
    files = (file for each in (folder, *sets(state)) for pattern in RAYS for file in each.glob(pattern))
    return [*around, *files]


def _is_whole(each: Path) -> bool:
    try:
        return bool(_state(each)) and json.loads((each / MANIFEST).read_text()) == _hashes(each)
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


def _path(trial: Trial) -> str | None:
    latest = trial.run_metadata.checkpoint_manager.latest_checkpoint_result
    return latest.checkpoint.path if latest else None
