"""Parts that are predicted, kept beside the predictions until all are: a command that was killed goes on from them.

predictions.csv
.predictions.csv.parts/<key>.npz      one a part
.predictions.csv.parts/lock           held by the one process that predicts
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import filelock
import numpy as np

from common.errors import OptionError
from common.files import blaming, replacing
from common.security.regular_file import RECORD, opened, parse_json
from ensemble.predictions.sources import Answer

_SUFFIX = ".npz"


class Kept:
    """The answers to parts that are kept for the predictions in `out`; a context manager that holds their lock."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._folder = out.absolute().with_name(f".{out.name}.parts")
        self._lock = filelock.FileLock(self._folder / "lock", timeout=0)

    def __enter__(self) -> Kept:
        with blaming("--out", self._out):
            self._folder.mkdir(exist_ok=True)
            try:
                self._lock.acquire()
            except filelock.Timeout:
                raise OptionError(
                    f"--out {self._out}: another process predicts into it: wait for it, or name another file"
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        if not any(self._folder.glob(f"*{_SUFFIX}")):
            self.remove()
        self._lock.release()

    def read(self, key: str, photos: int, classes: int) -> Answer | None:
        """Read the answer to a part of so many photos; None where there is none, or none that is whole."""
        try:
            with opened(self._file(key), RECORD) as stream:
                saved = np.load(stream, allow_pickle=False)
                unusable = {int(place): str(why) for place, why in parse_json(str(saved["unusable"])).items()}
                probabilities = np.asarray(saved["probabilities"])
        except Exception:  # NumPy reads headers as Python; whatever is wrong with it, it is made again
            return None
        usable = photos - len(unusable)
        whole = probabilities.dtype == np.float32 and np.isfinite(probabilities).all()
        fits = probabilities.shape == (usable, classes) or (usable == 0 and len(probabilities) == 0)
        return Answer(probabilities, unusable) if whole and fits and set(unusable) <= set(range(photos)) else None

    def write(self, key: str, answer: Answer) -> None:
        """Keep the answer to a part.

        Raises:
            OptionError: it cannot be written.
        """
        unusable = json.dumps({str(place): why for place, why in answer.unusable.items()})
        with blaming("--out", self._out), replacing(self._file(key)) as fresh, fresh.open("wb") as stream:
            np.savez(stream, probabilities=answer.probabilities, unusable=np.array(unusable))

    def remove(self) -> None:
        """Remove all parts, also those of other photos or models."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"
