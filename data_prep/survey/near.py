"""Finds people of whom there are nearly the same photos, before they are split: every photo is decoded for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import PhotoError, StoreError
from common.machine import cpu_cores
from data_prep.layouts.listing import Photo
from data_prep.photos import decode
from data_prep.photos.near import Hash, pairs, phash
from data_prep.store.split import units
from data_prep.workers import Threads, in_order, with_bar


def near_groups(photos: Sequence[Photo], progress: bool) -> list[list[int]]:
    """Find photos that hang together by being near: lists of positions, in order, of two people or more each."""
    with Threads(cpu_cores()) as threads:
        files = [photo.file for photo in photos]
        hashes = list(with_bar(in_order(_hash_of, files, threads, at_once=4), len(files), "near-identical", progress))
    return grouped(hashes, [photo.person for photo in photos])


def grouped(hashes: Sequence[Hash | None], people: Sequence[str]) -> list[list[int]]:
    """Group the positions of photos that are near; those of one person alone are nobody's concern."""
    first = units((i, j) for i, j in pairs(hashes) if people[i] != people[j])
    groups: dict[int, list[int]] = {}
    for position in sorted(first):
        groups.setdefault(first[position], []).append(position)
    return list(groups.values())


def _hash_of(file: Path) -> Hash | None:
    """Hash a photo; None where it cannot be used, which is said when it is treated."""
    try:
        return phash(decode.load(file))
    except PhotoError:
        return None
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or "out of memory"
        raise StoreError(f"{file} could not be read ({why}): run the same command again") from None
