"""Where photos to predict come from: files that are treated on the way, or a store's eval half."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from data_prep.prepare.like import Treatment, batches_like
from data_prep.prepare.new_photos import NewPhotos
from data_prep.store.files import EVAL
from data_prep.store.store import Store
from ensemble.voting.ensemble import Ensemble
from trainable.predict import Probabilities


@dataclass(frozen=True)
class Answer:
    """It is what an ensemble says of a part of a source's photos.

    Attributes:
        probabilities: float32 [photos that can be used, classes], in their order.
        unusable: why others cannot be used, by their position in the part.
    """

    probabilities: Probabilities
    unusable: Mapping[int, str] = field(default_factory=dict)


NONE = np.empty((0, 0), np.float32)
"""The probabilities of no photos."""


class Source(Protocol):
    """It is photos in an order, each with a name. It travels to other processes, and knows nothing of a search."""

    @property
    def names(self) -> Sequence[str]:
        """These are the names that predictions call the photos by."""

    def state(self, position: int) -> object:
        """Tell, as JSON takes it, what decides the photo's pixels: its name, size and time, and its treatment."""

    def answers(self, ensemble: Ensemble, parts: Sequence[slice], cores: int | None = None) -> Iterator[Answer]:
        """Predict the photos at these positions, part by part, decoding in so many threads (None: one a core)."""


@dataclass(frozen=True)
class FilesSource:
    """It is photos in files, treated as a store's were. Memory holds three parts at most."""

    photos: NewPhotos
    treatment: Treatment

    @property
    def names(self) -> Sequence[str]:
        return [photo.path for photo in self.photos.photos]

    def state(self, position: int) -> object:
        photo, how = self.photos.photos[position], self.treatment
        try:
            status = photo.file.stat()
        except OSError:  # it has gone since it was listed, and is named when its turn comes
            return [photo.path]
        background = [dict(how.background), how.implausible, list(how.size)]
        return [photo.path, str(photo.file), status.st_size, status.st_mtime_ns, background]

    def answers(self, ensemble: Ensemble, parts: Sequence[slice], cores: int | None = None) -> Iterator[Answer]:
        batches = batches_like(self.treatment, [self.photos.photos[part] for part in parts], workers=cores)
        with closing(batches):
            for batch in batches:
                some = len(batch.pixels) > 0
                yield Answer(ensemble.predict_photos(batch.pixels) if some else NONE, batch.unusable)


class StoreSource:
    """It is the photos to predict of a store, in the order of the reference task's info.csv, those included that could
    not be used when the store was made (a store made before 0.5 does not say which)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = store.rows(EVAL)
        paths = store.index["path"].to_numpy()[rows]
        self._photos: list[tuple[str, int | None, str]] = [
            (path, int(row), "") for path, row in zip(paths, rows, strict=True)
        ]
        missing = [photo for photo in store.meta["left_out"] if EVAL in photo]
        for photo in sorted(missing, key=lambda photo: photo[EVAL]):
            self._photos.insert(photo[EVAL], (photo["path"], None, photo["why"]))

    @property
    def names(self) -> Sequence[str]:
        return [name for name, _, _ in self._photos]

    def state(self, position: int) -> object:
        return [self._store.hash, *self._photos[position][:2]]

    def answers(self, ensemble: Ensemble, parts: Sequence[slice], cores: int | None = None) -> Iterator[Answer]:
        for part in parts:
            photos = self._photos[part]
            rows = np.array([row for _, row, _ in photos if row is not None], dtype=np.int64)
            unusable = {position: why for position, (_, row, why) in enumerate(photos) if row is None}
            yield Answer(ensemble.predict_rows(self._store, rows, progress=False) if len(rows) else NONE, unusable)
