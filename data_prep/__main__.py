"""Raw photos -> the dataset store that every trial reads.

python -m data_prep --images data/train/images --labels data/train/train.csv --eval data/eval --out data/store
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

from command_line import exit_code
from data_prep.background import METHODS
from data_prep.prepare import MAX_LEFT_OUT, prepare
from data_prep.store import Store
from errors import OptionError

SHOWN = 5


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m data_prep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = options.add_argument
    add(
        "--images",
        type=Path,
        required=True,
        metavar="DIR",
        help="one folder a person: mask1..5, incorrect_mask, normal",
    )
    add("--labels", type=Path, required=True, metavar="CSV", help="columns gender, age, path: one row a person")
    add("--out", type=Path, required=True, metavar="STORE", help="the store to make")
    add("--eval", type=Path, metavar="DIR", help="photos to predict: DIR/info.csv (ImageID) and DIR/images/")
    add("--background", default=METHODS[0], metavar="METHOD", help=f"{', '.join(METHODS)} (default: %(default)s)")
    add("--size", metavar="HxW", help="pixels to store, e.g. 96x72 (default: as most photos are)")
    add("--seed", type=int, default=0, metavar="N", help="of the train, val and test split (default: %(default)s)")
    add(
        "--allow-left-out",
        type=float,
        default=MAX_LEFT_OUT,
        metavar="SHARE",
        help="of the photos, that may be unusable before the run stops (default: %(default)s)",
    )
    add("--workers", type=int, metavar="N", help="photos at a time (default: one a core)")
    return options


def size_of(text: str | None) -> tuple[int, int] | None:
    """ "96x72" -> (96, 72), height first."""
    if text is None:
        return None
    if not (match := re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)):
        raise OptionError(f"--size must be HEIGHTxWIDTH in pixels, such as 96x72, but is {text!r}")
    return int(match[1]), int(match[2])


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    if options.workers is not None and options.workers < 1:
        raise OptionError(f"--workers must be 1 or more, but is {options.workers}")
    start = time.monotonic()
    store = prepare(
        options.images,
        options.labels,
        options.out,
        eval_dir=options.eval,
        background=options.background,
        size=size_of(options.size),
        seed=options.seed,
        max_left_out=options.allow_left_out,
        workers=options.workers,
    )
    print(summary(store, time.monotonic() - start))
    print(f"\nnext:  python tune_main.py --space age_bands --data {options.out}")


def summary(store: Store, seconds: float) -> str:
    """What is in the store and what is not, for a person to read."""
    counts, left_out = store.meta["counts"], store.meta["left_out"]
    splits = [f"{name} {split['photos']}" for name, split in counts["splits"].items()]
    lines = [
        f"{store.path}: {counts['photos']} photos of {counts['people']} people at {store.size[0]}x{store.size[1]}, "
        f"background {store.meta['background']['method']}, {seconds:.0f} s",
        f"photos: {', '.join(splits)}; left out {len(left_out)}",
        *(f"  left out: {photo['path']} ({photo['why']})" for photo in left_out[:SHOWN]),
    ]
    if len(left_out) > SHOWN:
        lines.append(f"  and {len(left_out) - SHOWN} more: see left_out in {store.path / 'store.json'}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
