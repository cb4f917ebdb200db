"""Corrections of labels: CSVs that say which label of whom is wrong, what it is, and why.

target    a person or a photo, by any name of targets.py, e.g. 000020 or 000020/normal
field     mask, gender or age
value     one of labels.MASKS or GENDERS; years, 37 or 30-39; `missing`. Empty: not decided yet, passed over
why       for people to read

They are applied to the labels that a layout read, before anything is made of them, and one that would change nothing
is an error: a team's corrections once never took effect, for ids were compared as numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from common.errors import LabelError
from common.security import spreadsheet
from data_prep.corrections.targets import Positions, Targets
from data_prep.layouts.labels_file import age_or_range_of, gender_of, mask_of, read_csv
from data_prep.layouts.listing import Age, Listing, Photo, age_text

COLUMNS = ("target", "field", "value", "why")
MISSING = "missing"
KNOWN = ("agreed", "doubtful")
"""Names of the files that come with this package, beside this file: of the reference task's photos."""

SHOWN = 3

T = TypeVar("T")
Label = str | Age | None
FIELDS: dict[str, Callable[[Path, object, str], Label]] = {"mask": mask_of, "gender": gender_of, "age": age_or_range_of}


@dataclass(frozen=True)
class Correction:
    """A row of a corrections file. `value` is "" where nobody has decided yet."""

    source: Path
    row: int
    target: str
    field: str
    value: str
    why: str

    @property
    def where(self) -> str:
        return f"{self.source}, row {self.row}: {self.target}"

    def label(self) -> Label:
        """Give the value as photos have it; a LabelError where the field has no such value."""
        if self.value.lower() == MISSING:
            return None
        return FIELDS[self.field](self.source, f"{self.row}: {self.target}", self.value)


class Applied(NamedTuple):
    """The corrected listing, and a line a correction: what it changed."""

    listing: Listing
    report: list[str]


def read(names: Sequence[str]) -> list[Correction]:
    """Read the rows of corrections files, in order. `names`: paths, or those of KNOWN.

    Raises:
        LabelError: a missing file or column; a row with no target, or with an unknown field or value.
    """
    corrections: list[Correction] = []
    problems = _problems(lambda name: corrections.extend(_rows(_file(name))), names)
    _refuse([*problems, *_problems(_check, [correction for correction in corrections if correction.value])])
    return corrections


def apply(listing: Listing, corrections: Sequence[Correction]) -> Applied:
    """Correct photos' labels. The order of the corrections makes no difference.

    Raises:
        LabelError: one that names nobody, or two; that changes nothing; that would give all of a person's photos one
            mask state; two for one label of one photo.
    """
    changes = _Changes(listing)
    _refuse(_problems(changes.add, [correction for correction in corrections if correction.value]))
    return Applied(replace(listing, photos=changes.photos), [*changes.report, *_undecided(corrections)])


def _file(name: str) -> Path:
    if name in KNOWN:
        return Path(__file__).with_name(f"{name}.csv")
    if not Path(name).exists():
        raise LabelError(f"corrections {name}: no such file, and none of those that are known here: {', '.join(KNOWN)}")
    return Path(name)


def _rows(file: Path) -> Iterator[Correction]:
    table = spreadsheet.restored(read_csv(file, COLUMNS, optional=()))
    for row, target, field, value, why in table.itertuples():
        yield Correction(file, row, target.rstrip("/"), field.lower(), value, why)


def _check(correction: Correction) -> None:
    if not correction.target:
        raise LabelError(f"{correction.where}target is empty: name a person or a photo")
    if correction.field not in FIELDS:
        raise LabelError(f"{correction.where}: field must be {', '.join(FIELDS)}, but is {correction.field!r}")
    correction.label()


def _problems(work: Callable[[T], None], items: Iterable[T]) -> list[str]:
    """Do all the work, and return what went wrong with it."""
    problems: list[str] = []
    for item in items:
        try:
            work(item)
        except LabelError as error:
            problems.append(str(error))
    return problems


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise LabelError("; ".join(problems[:SHOWN]) + more)


class _Changes:
    """Corrections, added one by one to a listing that stays as it was."""

    def __init__(self, listing: Listing) -> None:
        self._before = listing.photos
        self._targets = Targets(listing)
        self._from: dict[tuple[int, str], Correction] = {}
        self._unknown = 0
        self.photos = list(listing.photos)
        self.report: list[str] = []

    def add(self, correction: Correction) -> None:
        positions = self._find(correction)
        line = _described(correction, [self._before[position] for position in positions])
        for position in positions:
            self._claim(correction, position)
            self.photos[position] = _corrected(self.photos[position], correction)
        self.report.append(line)

    def _find(self, correction: Correction) -> Positions:
        found = self._targets.find(correction.target)
        if len(found) == 1:
            return found[0]
        if found:
            names = " or ".join(self._targets.full_name(positions) for positions in found)
            raise LabelError(f"{correction.where} stands for {len(found)} people or photos: write {names} instead")
        self._unknown += 1
        nearest = self._targets.nearest(correction.target) if self._unknown <= SHOWN else None  # it takes a while
        raise LabelError(f"{correction.where} matches nobody" + (f"; the nearest name is {nearest}" if nearest else ""))

    def _claim(self, correction: Correction, position: int) -> None:
        earlier = self._from.setdefault((position, correction.field), correction)
        if earlier is not correction:
            raise LabelError(
                f"{correction.where}: the {correction.field} of {self._before[position].path} is also corrected in "
                f"{earlier.source}, row {earlier.row}; keep one of them"
            )


def _described(correction: Correction, photos: Sequence[Photo]) -> str:
    """Say what the correction does to its photos; a LabelError where it must not, or does nothing."""
    before, after = [_label(photo, correction.field) for photo in photos], correction.label()
    states = "/".join(dict.fromkeys(map(_word, before)))
    if correction.field == "mask" and len(set(before)) > 1:
        raise LabelError(
            f"{correction.where} has photos of several mask states, {states}: name one, e.g. {photos[0].path}"
        )
    if not (changed := sum(label != after for label in before)):
        raise LabelError(f"{correction.where}: {correction.field} is {states} already; remove the row")
    count = f" in {changed} photos" if len(photos) > 1 else ""
    why = f" ({correction.why})" if correction.why else ""
    return f"{correction.target}: {correction.field} {states} -> {_word(after)}{count}{why}"


def _corrected(photo: Photo, correction: Correction) -> Photo:
    return replace(photo, **{correction.field: correction.label()})  # type: ignore[arg-type]


def _label(photo: Photo, field: str) -> Label:
    labels: dict[str, Label] = {"mask": photo.mask, "gender": photo.gender, "age": photo.age}
    return labels[field]


def _word(label: Label) -> str:
    if isinstance(label, tuple):
        return age_text(label)
    return label or MISSING


def _undecided(corrections: Sequence[Correction]) -> list[str]:
    counts = Counter(correction.source for correction in corrections if not correction.value)
    return [f"{source}: rows without a value, passed over: {count}" for source, count in counts.items()]
