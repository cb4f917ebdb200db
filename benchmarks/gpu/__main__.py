"""Does this card, driver and torch build do what trials will ask of them, and how fast?

    python -m benchmarks.gpu                                    at most eight minutes on one GPU
    python -m benchmarks.gpu --device cpu                       tries the check itself
    python -m benchmarks.gpu --table gpu-check.json             as markdown, for benchmarks/README.md

It needs no network and no photos: portraits are drawn, used, and removed. Every proof is a line OK or FAULT; figures
that nothing rests on have neither.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.gpu import report
from benchmarks.gpu.part import Part, Setting
from benchmarks.gpu.portraits import Portraits
from benchmarks.gpu.record import NOT_ASKED, Record
from benchmarks.gpu.report import Report
from benchmarks.gpu.run import Minutes, Runner
from common.command_line import Parser, exit_code
from common.errors import DeviceError, OptionError
from tuning import signals

NOT_FIT = 3

HERE = Path()
"""Where the store is, until it is known."""

SETTINGS = {
    "cuda": Setting("cuda", HERE, arch="resnet50", batch=64, crop=360, steps=100, trials=12, rounds=7),
    "cpu": Setting("cpu", HERE, arch="resnet18", batch=8, crop=200, steps=20, trials=4, rounds=1),
}
PORTRAITS = {
    "cuda": Portraits(train=300, val=56, test=6),
    "cpu": Portraits(train=14, val=6, test=4, size=(64, 48)),
}


def order(portraits: Portraits | None) -> tuple[list[Part], list[Part]]:
    """All parts: those that the others build on, and the others by worth, since what no longer fits is left out.

    A fault matters more than a figure, and a search that works more than either.
    """
    try:
        from benchmarks.gpu import portraits as own
        from benchmarks.gpu import proofs, search, speed, surroundings
    except (ImportError, OSError) as error:  # OSError: a library of CUDA's that torch was built with
        raise DeviceError(f"torch, or what else the check needs, cannot be imported: {error}") from None
    first = [surroundings.PART, *([own.part(portraits)] if portraits else [])]
    return first, [*proofs.PARTS, search.PART, *speed.PARTS]


def chosen(names: list[str] | None, first: list[Part], others: list[Part]) -> tuple[list[Part], list[Part]]:
    """Those that are called so, and what they build on: the first part of all, and the portraits, unless it is alone.

    Raises:
        OptionError: no part is called so.
    """
    if names is None:
        return first, others
    known = [part.name for part in (*first, *others)]
    if unknown := [name for name in names if name not in known]:
        raise OptionError(f"--parts: no part is called {', '.join(unknown)}; there are {', '.join(known)}")
    alone = set(names) <= {first[0].name}
    return first[:1] if alone else first, [part for part in others if part.name in names]


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.table:
        print("\n".join(report.markdown(about) for about in map(report.read, options.table)), end="")
        return 0
    device = "cpu" if options.device == "cpu" else "cuda"
    minutes = Minutes(60 * options.minutes)
    first, others = order(None if options.store else PORTRAITS[device])
    if options.list:
        return _list([*first, *others])
    parts = chosen(options.parts, first, others)
    if options.store:
        _check_store(options.store)
    record = Record(options.minutes, device)
    record.left_out = {part.name: NOT_ASKED for part in others if part not in parts[1]}
    return _check(options, record, minutes, *parts)


def _check(
    options: argparse.Namespace, record: Record, minutes: Minutes, first: Sequence[Part], others: Sequence[Part]
) -> int:
    told = Report(record, options.out)
    with _folder(PORTRAITS[record.device], drawn=not options.store) as folder:
        setting = replace(SETTINGS[record.device], path=options.store or folder / "store")
        runner = Runner(setting, minutes, told, folder, {"CUDA_VISIBLE_DEVICES": ""} if record.device == "cpu" else {})
        try:
            _check_gpu(runner, minutes, record.device)
            told.must_write()
            told.starts([*first, *others])
            runner.run(first, others)
        except KeyboardInterrupt:
            record.interrupted = True
        finally:
            runner.end()
    record.seconds = minutes.spent()
    told.ends()
    return signals.INTERRUPTED if record.interrupted else 0 if record.fit else NOT_FIT


def _check_gpu(runner: Runner, minutes: Minutes, device: str) -> None:
    """Asked of the worker: this process leaves CUDA alone. One that ends meanwhile is the first part's to report."""
    seen = runner.sees()
    if device == "cuda" and seen is not None and not seen.gpus:
        why = f" ({seen.why})" if seen.why else ""
        raise DeviceError(f"torch {seen.torch} sees no GPU{why}; --device cpu tries the check itself")


@contextmanager
def _folder(portraits: Portraits, drawn: bool) -> Iterator[Path]:
    """A temporary folder with room for the portraits; removed at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="gpu-"))
    try:
        free, needed = shutil.disk_usage(folder).free / 1e9, 2 * portraits.gigabytes + 1
        if drawn and free < needed:
            raise OptionError(f"{folder.parent} has {free:.1f} GB free, and {needed:.1f} are needed; set TMPDIR")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_store(path: Path) -> None:
    from data_prep.store.store import Store

    store = Store.open(path)
    for split in ("train", "val"):
        if not len(store.labelled(split)):
            raise OptionError(f"--store {path}: no photo of {split} has all its labels; leave the option out")


def _list(parts: Sequence[Part]) -> int:
    width = max(len(part.name) for part in parts)
    for part in parts:
        print(f"{part.name:<{width}}  {part.seconds:4.0f} s  {part.about}")
    return 0


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"a positive number is needed, but got {text!r}")
    return value


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def parser() -> Parser:
    result = Parser(
        prog="python -m benchmarks.gpu",
        description="Prove every path that trials take on this GPU, measure how fast they are, and run a short search.",
        epilog="The first GPU that CUDA_VISIBLE_DEVICES shows is used. Portraits and logs lie under TMPDIR meanwhile. "
        "Exit codes: 0 fit for searching; 2 an error, also where there is no GPU; 3 not fit; 130 interrupted.",
    )
    result.add_argument(
        "--out",
        metavar="FILE.json",
        type=Path,
        default=Path("gpu-check.json"),
        help="what was found, written after every part; replaces an earlier one (default: gpu-check.json)",
    )
    result.add_argument(
        "--minutes",
        metavar="M",
        type=_minutes,
        default=8.0,
        help="that it may take; parts that no longer fit are named and left out (default: 8)",
    )
    result.add_argument(
        "--store", metavar="STORE", type=Path, help="use the photos of this dataset store (default: drawn portraits)"
    )
    result.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto is cuda; cpu tries the check itself, each part small",
    )
    result.add_argument("--parts", metavar="A,B", type=_names, help="only these, beside what they build on")
    result.add_argument("--list", action="store_true", help="list the parts and stop")
    result.add_argument(
        "--table", metavar="FILE.json", type=Path, nargs="+", help="print what --out wrote as markdown tables, and stop"
    )
    return result


if __name__ == "__main__":
    sys.exit(signals.ended(lambda: exit_code(main)))
