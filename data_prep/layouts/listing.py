"""What every layout comes to: photos, with what is known of each, and what lies beside them.

Ages are (lowest, highest) in whole years, both included, equal where the age is known to the year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.security.terminal import plain
from common.wording import things

MAX_AGE = 120
SHOWN = 3
UNUSUAL = "photos by their contents, not by the end of a name"
THINGS = {"photos": "photo", "folders": "folder", "links": "link"}

Age = tuple[int, int]


@dataclass(frozen=True)
class Photo:
    """A photo and what is known of it: labels None where nobody gave them.

    Attributes:
        path: relative to its images folder, with forward slashes.
        person: equal for two photos that show one person.
        to_predict: no label will be asked of it; it is stored in the split "eval".
    """

    file: Path
    path: str
    person: str
    mask: str | None = None
    gender: str | None = None
    age: Age | None = None
    to_predict: bool = False


@dataclass(frozen=True)
class Listing:
    """What a layout found.

    Attributes:
        photos: in the order that they are stored.
        unused: paths of photos left aside because their names say nothing.
        ids: other names that people have, an id -> the `person` of everyone who has it.
        aside: what else is there and not used: why -> paths.
        unusual: paths of photos that were told by their contents, as their names do not end as a photo's.
    """

    photos: list[Photo]
    unused: list[str] = field(default_factory=list)
    ids: Mapping[str, list[str]] = field(default_factory=dict)
    aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unusual: Sequence[str] = ()


def age_text(age: Age) -> str:
    """Write an age as index.csv and corrections have it: "37", or "50-59"."""
    return str(age[0]) if age[0] == age[1] else f"{age[0]}-{age[1]}"


def some(paths: Sequence[str], what: str) -> str:
    """Count and show: "2 hidden: .a.jpg, .b.jpg"; "9 hidden, e.g. .a.jpg, .b.jpg, .c.jpg".

    Args:
        what: they are, a phrase that may begin with a word of THINGS.
    """
    first, *rest = what.split(" ")
    said = " ".join([things(len(paths), THINGS.get(first, first), first), *rest])
    shown = ", ".join(map(plain, paths[:SHOWN]))
    return f"{len(paths)} {said}, e.g. {shown}" if len(paths) > SHOWN else f"{len(paths)} {said}: {shown}"
