"""Which photos are the same, byte for byte, and which labels of theirs contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from common.files import file_sha256
from data_prep.layouts.listing import Age, Photo, age_text
from data_prep.survey.looks import Look


def identical(photos: Sequence[Photo], looks: Sequence[Look]) -> list[list[int]]:
    """Find photos whose files are equal, byte for byte: lists of their positions, in order.

    Few files are read whole for it: those that another one looks like.
    """
    alike = _groups(range(len(photos)), [look.ends if look.size else None for look in looks])
    return [group for some in alike for group in _groups(some, [file_sha256(photos[i].file) for i in some])]


def _groups(positions: Iterable[int], keys: Iterable[str | None]) -> list[list[int]]:
    """Group the positions by their keys; those that are alone, or have no key, are left aside."""
    groups: dict[str, list[int]] = defaultdict(list)
    for position, key in zip(positions, keys, strict=True):
        if key is not None:
            groups[key].append(position)
    return [group for group in groups.values() if len(group) > 1]


def described(photos: Sequence[Photo], groups: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Describe groups of equal photos for store.json: how many, and those whose labels contradict each other."""
    found = [_contradiction([photos[position] for position in group]) for group in groups]
    return {
        "groups": len(groups),
        "photos": sum(map(len, groups)),
        "contradict": [contradiction for contradiction in found if contradiction],
    }


def _contradiction(photos: Sequence[Photo]) -> dict[str, Any] | None:
    """Give paths and the labels, in their order, of which at most one can be right."""
    labels: dict[str, list[str | None]] = {
        "mask": [photo.mask for photo in photos],
        "gender": [photo.gender for photo in photos],
        "age": [age_text(photo.age) if photo.age else None for photo in photos],
    }
    differ = {name: len({*values} - {None}) > 1 for name, values in labels.items()}
    differ["age"] = _no_common_year([photo.age for photo in photos if photo.age])
    wrong = {name: values for name, values in labels.items() if differ[name]}
    return {"paths": [photo.path for photo in photos], **wrong} if wrong else None


def _no_common_year(ages: Sequence[Age]) -> bool:
    return bool(ages) and max(low for low, _ in ages) > min(high for _, high in ages)
