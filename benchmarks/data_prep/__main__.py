"""How fast photos become a store, against what people write themselves.

    python -m benchmarks.data_prep                             # all of it, on photos that are drawn for it
    python -m benchmarks.data_prep --parts keep,kills
    python -m benchmarks.data_prep --parts memory --people 450,4500 --background sample
    python -m benchmarks.data_prep --parts folder --images ~/UTKFace --size 64x64

    inside    share of a worker's time that is spent inside ONNX Runtime, with a segmenter of u2net's size on one core
    script    photos/s against the usual script: rembg.remove(Image.open(path)).save(path) in a loop, all cores for both
    workers   two workers on two cores against one on one
    keep      --background keep against bare decoding with Pillow, all cores for both, and against as many bytes alone
    noisy     the same, with a camera's noise on the drawn photos: files as large as those of real ones
    memory    peak memory of `python -m data_prep` for few and for many photos
    folder    the whole command on your photographs, against their bare decoding with Pillow in a process a core
    kills     runs that are killed (SIGKILL) at random moments and started again, against an undisturbed one

The segmenter is benchmarks/data_prep/u2net.py: u2net's network with random weights.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.errors import OptionError

PARTS = ("inside", "script", "workers", "keep", "noisy", "memory", "folder", "kills")
NOISE = 6.0
"""Standard deviation of the camera's noise, in grey levels."""


def parser() -> Parser:
    options = Parser(prog="python -m benchmarks.data_prep", description=__doc__)
    options.add_argument(
        "--parts", default="inside,script,workers,keep,noisy,kills", help="default: %(default)s; also memory, folder"
    )
    options.add_argument("--photos", type=positive, default=8, metavar="N", help="a round, through the large segmenter")
    options.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: %(default)s")
    options.add_argument("--kills", type=positive, default=10, metavar="N", help="default: %(default)s")
    options.add_argument("--people", default="450,4500", metavar="A,B", help="for memory, 7 photos each (%(default)s)")
    options.add_argument("--background", default="sample", metavar="METHOD", help="for memory (default: %(default)s)")
    options.add_argument("--images", type=Path, metavar="DIR", help="photographs for folder")
    options.add_argument("--size", default="64x64", metavar="HxW", help="of folder's store (default: %(default)s)")
    options.add_argument("--json", type=Path, metavar="FILE", help="also write the tables as JSON")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    people = [int(number) for number in options.people.split(",")]
    if unknown := [name for name in options.parts.split(",") if name not in PARTS]:
        raise OptionError(f"--parts: {unknown[0]!r} is none of {', '.join(PARTS)}")
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from benchmarks.data_prep import folder as folders
    from benchmarks.data_prep import runs, speed
    from benchmarks.data_prep.bench import Bench
    from common.files import write_json

    work = (
        speed.inside,
        speed.script,
        speed.workers,
        speed.keep,
        partial(speed.keep, noise=NOISE),
        partial(runs.memory, people=people, background=options.background),
        partial(folders.folder, images=options.images, size=options.size),
        partial(runs.kills, number=options.kills),
    )
    parts = dict(zip(PARTS, work, strict=True))
    tables = []
    with tempfile.TemporaryDirectory(prefix="masktune-") as folder:
        bench = Bench(Path(folder), options.photos, options.rounds)
        for name in options.parts.split(","):
            tables.append(parts[name](bench))
            print(tables[-1].markdown(), flush=True)
    if options.json:
        write_json(options.json, [table.to_json() for table in tables])


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
