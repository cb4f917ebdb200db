"""Shows a person how far photos are prepared, and stops where too many of them cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from rich.progress import Progress

from common.errors import PhotoError
from data_prep.layouts.listing import Photo
from data_prep.photos.masks import ImplausibleMask
from data_prep.prepare.parts import Part, Record


class Tally:
    """Hears of every photo of a run, from any thread: moves the bar, and raises where too many are left out.

    Attributes:
        total: photos of the whole store.
        most: share of them, 0..1, that may be left out.
        left_out: "path (why)" of each that is.
    """

    def __init__(self, total: int, most: float, progress: Progress) -> None:
        self.total, self.most = total, most
        self.left_out: list[str] = []
        self._lock, self._progress = Lock(), progress
        self._task = progress.add_task("photos", total=total)

    def before(self, parts: Iterable[tuple[Part, Record]]) -> None:
        """Hear what earlier runs have done."""
        for part, record in parts:
            self._progress.update(self._task, total=self._left - record.photos)
            self.heard(part, record)

    def __call__(self, photo: Photo, error: PhotoError | None) -> None:
        """Hear that one photo more is done, or cannot be used: parts.Said. One left out as asked is done."""
        if error is not None and not isinstance(error, ImplausibleMask):
            self._note(photo, str(error))
        self._progress.advance(self._task)

    def heard(self, part: Part, record: Record) -> None:
        """Hear that a part is done, elsewhere or before, and which of its photos cannot be used."""
        for position, why in record.left_out.items():
            self._note(part.photos[position], why)

    def moved(self, photos: int) -> None:
        """Hear how many photos of this run are done by now."""
        self._progress.update(self._task, completed=photos)

    @property
    def _left(self) -> float:
        return self._progress.tasks[self._task].total or 0

    def _note(self, photo: Photo, why: str) -> None:
        with self._lock:
            self.left_out.append(f"{photo.path} ({why})")
            if len(self.left_out) > self.most * self.total:
                raise PhotoError(
                    f"{len(self.left_out)} of {self.total} photos cannot be used so far, and at most {self.most:.1%} "
                    f"may be left out: {'; '.join(self.left_out[:3])}. Mend them, or allow a larger share, e.g. "
                    "--allow-left-out 0.05; what is done is kept"
                )
