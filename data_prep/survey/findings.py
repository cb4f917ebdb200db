"""Says in a few lines what was found out about a store's photos: their sizes, what is not used, which are equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.wording import counted
from data_prep.layouts.listing import some
from data_prep.store.store import Store

SHOWN = 5
WHAT = {"identical": "identical", "near": "nearly identical"}


def findings(store: Store) -> list[str]:
    """Name what a person should know; nothing of what is as it should be."""
    return [*_sizes(store.meta.get("sizes"), store), *_alike(store.meta, "identical"), *_alike(store.meta, "near")]


def not_used(store: Store) -> list[str]:
    return [f"not used: {some(kind['paths'], kind['why'])}" for kind in store.meta.get("not_used", ())]


def _sizes(sizes: Mapping[str, Any] | None, store: Store) -> list[str]:
    if not sizes:
        return []
    lines = []
    if sizes["smallest"] != sizes["largest"] or sizes["share"] < 1:
        lines.append(
            f"sizes {_by(sizes['smallest'])} to {_by(sizes['largest'])}, commonest {_by(sizes['commonest'])} "
            f"({sizes['share']:.0%})"
        )
    if sizes["enlarged"]:
        lines.append(
            f"enlarged more than twice, to {_by(store.size)}: {counted(sizes['enlarged'], 'photo')}; --size stores "
            "them smaller"
        )
    return lines


def _alike(meta: Mapping[str, Any], key: str) -> list[str]:
    found = meta.get(key)
    if not found or not found["groups"]:
        return []
    lines = [
        f"{WHAT[key]}: {counted(found['photos'], 'photo')} in {counted(found['groups'], 'group')}, each in one split"
    ]
    if wrong := found["contradict"]:
        lines.append(f"labels that contradict each other on {WHAT[key]} photos: {counted(len(wrong), 'group')}")
        lines += [f"  {_contradiction(each)}" for each in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            lines.append(f"  and {len(wrong) - SHOWN} more: see {key} in store.json")
    return lines


def _contradiction(found: Mapping[str, Any]) -> str:
    """Write "a.jpg, b.jpg: age 20, 30"."""
    labels = [f"{name} {', '.join(value or '?' for value in found[name])}" for name in found if name != "paths"]
    return f"{', '.join(found['paths'])}: {'; '.join(labels)}"


def _by(size: tuple[int, int] | list[int]) -> str:
    return f"{size[0]}x{size[1]}"
