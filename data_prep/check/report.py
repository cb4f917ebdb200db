"""Whether a store is whole, and what a person is told of it: where it comes from, its counts, what is left out."""

from __future__ import annotations

import numpy as np
from PIL import Image
from rich.table import Table

from common.errors import StoreError
from common.files import file_sha256
from common.machine import cpu_cores
from common.wording import counted
from data_prep.labels import MISSING, SPLITS
from data_prep.photos.near import phash
from data_prep.store.files import EVAL
from data_prep.store.shards import open_shard
from data_prep.store.store import Store
from data_prep.survey.near import grouped
from data_prep.task import REFERENCE
from data_prep.workers import Threads, bar, in_order, with_bar

SHOWN, SHOWN_GROUPS = 10, 3


def verify(store: Store, progress: bool = True) -> None:
    """Hash every shard again; store.json and index.csv were checked when the store was opened.

    Raises:
        StoreError: a shard is not the one that was written.
    """
    with bar(progress) as shown:
        task = shown.add_task("photos", total=sum(entry["photos"] for entry in store.meta["shards"]))
        for entry in store.meta["shards"]:
            file = store.path / entry["file"]
            open_shard(file, entry["photos"], store.size)
            if file_sha256(file) != entry["sha256"]:
                raise StoreError(f"{file}: its SHA-256 is not the one in store.json; prepare the store again")
            shown.advance(task, entry["photos"])


def tables(store: Store) -> list[Table]:
    """Count the photos of each class and of each label, and the people and photos of each split."""
    split = store.index["split"].to_numpy()
    names = [*SPLITS, *([EVAL] if EVAL in split else [])]
    return [_by_class(store, split, names), *_by_factor(store, split, names), _people(store, split, names)]


def _by_class(store: Store, split: np.ndarray, names: list[str]) -> Table:
    labels = [store.task.class_name(number, store.bands) for number in range(store.task.classes)]
    return _counted("class", labels, store.classes(), split, names)


def _by_factor(store: Store, split: np.ndarray, names: list[str]) -> list[Table]:
    """Count by every label that some photo has, whether it belongs to the task or not.

    The only factor of a task is left out: its values are the classes, which are counted already.
    """
    codes = REFERENCE.codes(store.mask, store.gender, store.band)
    return [
        _counted(factor, list(REFERENCE.values(factor, store.bands)), codes[factor], split, names)
        for factor in REFERENCE.factors
        if (codes[factor] != MISSING).any() and store.task.factors != (factor,)
    ]


def _counted(what: str, labels: list[str], codes: np.ndarray, split: np.ndarray, names: list[str]) -> Table:
    """Count the photos of each label in each split; those of no label come last, if there are any."""
    table = _table(what, names)
    rows = [*enumerate(labels), *([(MISSING, "not known")] if (codes == MISSING).any() else [])]
    for code, label in rows:
        counts = [int(((codes == code) & (split == name)).sum()) for name in names]
        table.add_row(label, *map(str, counts), str(sum(counts)))
    return table


def _people(store: Store, split: np.ndarray, names: list[str]) -> Table:
    table = _table("split", names)
    photos = [int((split == name).sum()) for name in names]
    people = [len(set(store.person[split == name])) for name in names]
    table.add_row("photos", *map(str, photos), str(sum(photos)))
    table.add_row("people", *map(str, people), str(sum(people)))
    return table


def _table(what: str, names: list[str]) -> Table:
    """Make a column of words and one of counts for each split, and for all of them."""
    table = Table(what, *names, "all", box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def near(store: Store, progress: bool = True) -> list[str]:
    """Count the photos of several people that are nearly identical as they are stored; no line where there are none."""
    if store.meta.get("near"):
        return []  # `findings` says it
    rows = np.flatnonzero(store.index["split"] != EVAL)
    with Threads(cpu_cores()) as threads:
        made = in_order(lambda row: phash(Image.fromarray(store.read([row])[0])), rows, threads, at_once=8)
        hashes = list(with_bar(made, len(rows), "near-identical", progress))
    groups = grouped(hashes, store.person[rows].tolist())
    if not groups:
        return []
    split = store.index["split"].to_numpy()[rows]
    spread = [group for group in groups if len(set(split[group])) > 1]
    line = f"nearly identical: {sum(map(len, groups))} photos in {counted(len(groups), 'group')}"
    if spread:
        line += f", {len(spread)} of them in several splits: python -m data_prep --group-near keeps each in one"
    paths = store.index["path"].to_numpy()[rows]
    return [line, *(f"  {', '.join(paths[group])}" for group in spread[:SHOWN_GROUPS])]


def origin(store: Store) -> str:
    background, split = store.meta["background"], store.meta["split"]
    model = f" ({background['model']}, SHA-256 {background['sha256'][:12]})" if background["model"] else ""
    return (
        f"background {background['method']}{model}; bands {store.bands[0]}/{store.bands[1]}; seed {split.get('seed')}"
    )


def warnings(store: Store) -> list[str]:
    """Name the photos that were left out, and those whose mask is hard to believe."""
    lines = []
    for what, photos in (("left out", store.meta["left_out"]), ("implausible mask", _implausible(store))):
        lines.append(f"{what}: {len(photos)}")
        lines += [f"  {photo['path']}: {photo['why']}" for photo in photos[:SHOWN]]
        if len(photos) > SHOWN:
            lines.append(f"  and {len(photos) - SHOWN} more in store.json")
    return lines


def _implausible(store: Store) -> list[dict[str, str]]:
    return (store.meta.get("masks") or {}).get("implausible", [])
