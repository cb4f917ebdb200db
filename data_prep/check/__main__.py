"""Is a store whole, and what is in it?

python -m data_prep.check data/store
python -m data_prep.check data/store --sheet sheet.png --images data/train/images

Every file is hashed again. With --sheet some photos are drawn as they are stored, and with --images also as they were.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from common.command_line import Parser, exit_code, positive
from common.errors import OptionError, StoreError
from common.files import file_sha256
from data_prep.check.contact_sheet import draw_sheet
from data_prep.labels import MISSING, N_BANDS, N_CLASSES, band_name, band_of_range, class_name
from data_prep.store.files import EVAL
from data_prep.store.shards import open_shard
from data_prep.store.split import SPLITS
from data_prep.store.store import Store
from data_prep.workers import bar

SHOWN = 10


def parser() -> Parser:
    options = Parser(
        prog="python -m data_prep.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("store", type=Path, metavar="STORE", help="a store made by `python -m data_prep`")
    options.add_argument("--sheet", type=Path, metavar="FILE.png", help="also draw some of its photos")
    options.add_argument("--images", type=Path, metavar="DIR", help="its --images: the sheet shows them beside it")
    options.add_argument("--photos", type=positive, default=24, metavar="N", help="on the sheet (default: %(default)s)")
    options.add_argument("--seed", type=int, default=0, metavar="N", help="which photos (default: %(default)s)")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    if options.images and not options.sheet:
        raise OptionError("--images shows photos as they were: name a picture to draw too, as in --sheet sheet.png")
    store = Store.open(options.store)
    verify(store)
    console = Console()
    console.print(
        f"{store.path}: whole, {len(store)} photos at {store.size[0]}x{store.size[1]}, hash {store.hash[:12]}"
    )
    console.print(_origin(store))
    for table in tables(store):
        console.print(table)
    console.print("\n".join(_warnings(store)), highlight=False)
    if options.sheet:
        draw_sheet(store, options.sheet, options.photos, options.seed, options.images)
        console.print(f"sheet: {options.sheet}")


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
    """Count the photos of each class, and the people and photos of each split."""
    split = store.index["split"].to_numpy()
    names = [*SPLITS, *([EVAL] if EVAL in split else [])]
    return [_by_class(store, split, names), _by_band(store, split, names), _people(store, split, names)]


def _by_class(store: Store, split: np.ndarray, names: list[str]) -> Table:
    labels = [class_name(number, store.bands) for number in range(N_CLASSES)]
    return _counted("class", labels, store.classes(), split, names)


def _by_band(store: Store, split: np.ndarray, names: list[str]) -> Table:
    bands = band_of_range(store.age_min, store.age_max, store.bands)
    return _counted("age", [band_name(number, store.bands) for number in range(N_BANDS)], bands, split, names)


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


def _origin(store: Store) -> str:
    background, split = store.meta["background"], store.meta["split"]
    model = f" ({background['model']}, SHA-256 {background['sha256'][:12]})" if background["model"] else ""
    return (
        f"background {background['method']}{model}; bands {store.bands[0]}/{store.bands[1]}; seed {split.get('seed')}"
    )


def _warnings(store: Store) -> list[str]:
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


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
