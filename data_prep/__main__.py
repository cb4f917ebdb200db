"""Raw photos -> the dataset store that every trial reads.

python -m data_prep --images data/train/images --labels data/train/train.csv --eval data/eval --out data/store

Interrupted or killed, the same command goes on where it was. Afterwards

python -m data_prep.check data/store --sheet sheet.png --images data/train/images
"""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from common.command_line import Parser, exit_code, python
from common.errors import OptionError
from common.security import terminal
from common.wording import counted
from data_prep.choices import IMPLAUSIBLE, KEEP, LAYOUTS, MAX_LEFT_OUT, METHODS, REMOVE
from data_prep.labels import OFFICIAL_BANDS
from data_prep.processes import get_ready
from data_prep.task import FACTORS
from data_prep.task import parse as parse_task

if TYPE_CHECKING:
    from data_prep.store.store import Store

SHOWN = 5

MODULES = ("data_prep.prepare.this_machine", "data_prep.photos.ready")
"""What processes need that decode photos."""


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    size, bands = size_of(options.size), bands_of(options.bands)
    task = None if options.task is None else parse_task(options.task)
    processes = options.background == "keep" and options.address is None and get_ready(*MODULES)
    # Imported only now, since pandas and Pillow take seconds: neither --help nor a mistyped option should wait.
    from data_prep.prepare.inputs import Source
    from data_prep.prepare.prepare import prepare
    from data_prep.prepare.target import Target, Workforce

    start = time.monotonic()
    target = Target(
        options.out,
        options.background,
        size,
        max_left_out=options.allow_left_out,
        implausible=options.implausible,
    )
    source = Source(
        images=options.images,
        labels=options.labels,
        eval_dir=options.eval,
        layout=options.layout,
        corrections=tuple(options.corrections),
        bands=bands,
        seed=options.seed,
        task=task,
        group_near=options.group_near,
    )
    store = prepare(source, target, Workforce(options.workers, options.address, processes))
    terminal.say(summary(store, time.monotonic() - start))
    terminal.say(f"\nnext:  {python()} -m data_prep.check {shlex.quote(str(options.out))}")
    space = "age_bands" if "age" in store.task.factors else "loss_weights"
    if lacking := [split for split in ("train", "val") if split not in store.meta["counts"]["splits"]]:
        terminal.say(f"       a search needs photos of {' and '.join(lacking)} too: prepare more people")
        return
    terminal.say(f"       {python()} tune_main.py --space {space} --data {shlex.quote(str(options.out))}")


def parser() -> Parser:
    options = Parser(prog="python -m data_prep", description=__doc__)
    what = options.add_argument_group("what there is")
    what.add_argument("--images", type=Path, required=True, metavar="DIR", help="the folder that holds the photos")
    what.add_argument("--labels", type=Path, metavar="CSV", help="what is known of them, where a CSV file says it")
    what.add_argument("--layout", metavar="NAME", help=f"{', '.join(LAYOUTS)} (default: detected, and printed)")
    what.add_argument("--eval", type=Path, metavar="DIR", help="photos to predict: DIR/info.csv (ImageID), DIR/images/")
    what.add_argument(
        "--corrections",
        nargs="+",
        default=[],
        metavar="CSV",
        help="columns target, field, value, why; or those that are known of the reference task: agreed, doubtful",
    )
    what.add_argument(
        "--bands",
        default=",".join(map(str, OFFICIAL_BANDS)),
        metavar="A,B",
        help="first ages of the middle and the old band (default: %(default)s)",
    )
    what.add_argument(
        "--task",
        metavar="FACTORS",
        help=f"what is predicted, some of {','.join(FACTORS)} (default: those that the photos' labels tell)",
    )
    what.add_argument(
        "--group-near", action="store_true", help="keep nearly identical photos in one split, as identical ones are"
    )
    made = options.add_argument_group("what is made")
    made.add_argument("--out", type=Path, required=True, metavar="STORE", help="the store to make")
    made.add_argument(
        "--background",
        default=METHODS[0],
        metavar="METHOD",
        help=f"{', '.join(METHODS)}, or a model.onnx (default: %(default)s)",
    )
    made.add_argument(
        "--implausible",
        default=KEEP,
        metavar="WHAT",
        help=f"of photos whose mask is hard to believe: {', '.join(IMPLAUSIBLE)} (default: %(default)s as they are)",
    )
    made.add_argument("--size", metavar="HxW", help="pixels to store, e.g. 96x72 (default: as most photos are)")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the splits by person (default: %(default)s)")
    made.add_argument(
        "--allow-left-out",
        type=float,
        default=MAX_LEFT_OUT,
        metavar="SHARE",
        help="of the photos, that may be unusable before the run stops (default: %(default)s)",
    )
    where = options.add_argument_group("who works")
    where.add_argument("--workers", type=int, metavar="N", help="photos at a time (default: one a core)")
    where.add_argument(
        "--address",
        metavar="ADDR",
        help="of a Ray cluster that sees --images and --out: auto, HOST:PORT, or local for every GPU of this machine",
    )
    return options


def size_of(text: str | None) -> tuple[int, int] | None:
    """Read a size, height first: "96x72" -> (96, 72)."""
    if text is None:
        return None
    if not (match := re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)):
        raise OptionError(f"--size must be HEIGHTxWIDTH in pixels, such as 96x72, but is {text!r}")
    return int(match[1]), int(match[2])


def bands_of(text: str) -> tuple[int, int]:
    """Read the bands' first ages: "30,60" -> (30, 60)."""
    if not (match := re.fullmatch(r"(\d{1,3}),(\d{1,3})", text)):
        raise OptionError(f"--bands must be two ages in years, such as 30,60, but is {text!r}")
    return int(match[1]), int(match[2])


def summary(store: Store, seconds: float) -> str:
    """Tell a person what is in the store and what is not."""
    from data_prep.survey.findings import findings

    counts, left_out, masks = store.meta["counts"], store.meta["left_out"], store.meta.get("masks")
    splits = [f"{name} {split['photos']}" for name, split in counts["splits"].items()]
    lines = [
        f"{store.path}: {counted(counts['photos'], 'photo')} of {counted(counts['people'], 'person')} at "
        f"{store.size[0]}x{store.size[1]}, background {store.meta['background']['method']}, {seconds:.0f} s",
        f"photos: {', '.join(splits)}; left out {len(left_out)}",
        *_some("left out", left_out, "left_out", store),
        *findings(store),
    ]
    if masks:
        from data_prep.photos.masks import in_words

        lines += in_words(masks, store.meta.get("implausible", REMOVE), counts["photos"])
        lines += _some("implausible", masks["implausible"], "masks", store)
    return terminal.lines(lines)


def _some(what: str, photos: list[dict[str, str]], key: str, store: Store) -> list[str]:
    lines = [f"  {what}: {photo['path']} ({photo['why']})" for photo in photos[:SHOWN]]
    if len(photos) > SHOWN:
        lines.append(f"  and {len(photos) - SHOWN} more: see {key} in {store.path / 'store.json'}")
    return lines


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
