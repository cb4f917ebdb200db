"""What a correction may name: people and photos of a listing, by several names each.

A person goes by their `person` or an id; a photo by its path, with or without extension, and by its path with an id
in place of its person's folder: `000020/normal` is `000020_female_Asian_50/normal.jpg`. Names are strings: 20 is not
000020.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from data_prep.layouts.listing import Listing

Positions = tuple[int, ...]
"""Where the photos that a name stands for are in the listing."""


class Targets:
    """The names of a listing's people and photos. A path, or a `person`, goes before whatever else has that name."""

    def __init__(self, listing: Listing) -> None:
        self._photos = listing.photos
        people: dict[str, list[int]] = defaultdict(list)
        for position, photo in enumerate(listing.photos):
            people[photo.person].append(position)
        self._people = {person: tuple(positions) for person, positions in people.items()}
        self._names = _gathered(self._full_names())
        self._short_names = _gathered(self._aliases(listing))

    def find(self, name: str) -> list[Positions]:
        """Find everyone and everything that `name` stands for: one, unless it is unknown or ambiguous."""
        return sorted(self._names.get(name) or self._short_names.get(name) or [])

    def full_name(self, positions: Positions) -> str:
        """Give the name that stands for these photos only."""
        photo = self._photos[positions[0]]
        return photo.path if len(positions) == 1 else photo.person

    def nearest(self, name: str) -> str | None:
        """Find the known name most like this one: the one that has lost its leading zeros, if any has."""
        names = [known for known in (*self._names, *self._short_names) if ("/" in known) == ("/" in name)]
        stripped = [known for known in names if known.lstrip("0") == name.lstrip("0")]
        return next(iter(stripped or difflib.get_close_matches(name, names, n=1)), None)

    def _full_names(self) -> Iterator[tuple[str, Positions]]:
        yield from self._people.items()
        yield from ((photo.path, (position,)) for position, photo in enumerate(self._photos))

    def _aliases(self, listing: Listing) -> Iterator[tuple[str, Positions]]:
        for position, photo in enumerate(self._photos):
            yield _without_extension(photo.path), (position,)
        for number, people in listing.ids.items():
            for person in people:
                yield number, self._people[person]
                yield from self._paths_by_id(number, person)

    def _paths_by_id(self, number: str, person: str) -> Iterator[tuple[str, Positions]]:
        for position in self._people[person]:
            path = self._photos[position].path
            if path.startswith(f"{person}/"):
                short = number + path.removeprefix(person)
                yield short, (position,)
                yield _without_extension(short), (position,)


def _gathered(names: Iterator[tuple[str, Positions]]) -> dict[str, set[Positions]]:
    gathered: dict[str, set[Positions]] = defaultdict(set)
    for name, positions in names:
        gathered[name].add(positions)
    return dict(gathered)


def _without_extension(path: str) -> str:
    return path.removesuffix(PurePosixPath(path).suffix)
