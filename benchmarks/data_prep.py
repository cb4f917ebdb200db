"""How fast photos become a store, against what people write themselves.

    python -m benchmarks.data_prep                             # all of it, on photos that are drawn for it
    python -m benchmarks.data_prep --parts keep,kills
    python -m benchmarks.data_prep --parts memory --people 450,4500 --background sample

    inside    share of a worker's time that is spent inside ONNX Runtime, with a segmenter of u2net's size on one core
    script    photos/s against the usual script: rembg.remove(Image.open(path)).save(path) in a loop, all cores for both
    workers   two workers on two cores against one on one
    keep      --background keep against bare decoding with Pillow, all cores for both, and against as many bytes alone
    noisy     the same, with a camera's noise on the drawn photos: files as large as those of real ones
    memory    peak memory of `python -m data_prep` for few and for many photos
    kills     runs that are killed (SIGKILL) at random moments and started again, against an undisturbed one

The segmenter is benchmarks/u2net.py: u2net's network with random weights.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from benchmarks import measure, u2net
from benchmarks.measure import Floats, Table
from common.command_line import Parser, exit_code, positive
from common.errors import OptionError
from common.files import write_json
from common.machine import cpu_cores
from data_prep.layouts.listing import Photo
from data_prep.photos import background as backgrounds
from data_prep.photos.background import Background
from data_prep.prepare.parts import Job, Part
from data_prep.prepare.this_machine import make_here
from data_prep.sample.draw import draw
from data_prep.store.shards import PHOTOS_PER_SHARD

CPU = torch.device("cpu")
PEOPLE, NOISE = 300, 6.0
PHOTO_BYTES = 512 * 384 * 3


class Bench:
    """Drawn photos and a u2net-sized model in a temporary folder, and rates of work on them."""

    def __init__(self, folder: Path, photos: int, rounds: int) -> None:
        self.folder, self.photos, self.rounds = folder, photos, rounds
        self._fresh = itertools.count()
        self._scratch: list[Path] = []

    def scratch(self) -> Path:
        """A new folder to write into, until `tidy`."""
        self._scratch.append(self.folder / f"scratch-{next(self._fresh)}")
        self._scratch[-1].mkdir()
        return self._scratch[-1]

    def tidy(self) -> None:
        """Remove what was written, and wait for the disk: neither is part of what is measured."""
        while self._scratch:
            shutil.rmtree(self._scratch.pop())
        os.sync()

    @property
    def sample(self) -> Path:
        """Drawn portraits in the reference layout."""
        root = self.folder / "drawn"
        return root if root.exists() else draw(root, PEOPLE, progress=False)

    def files(self, number: int) -> list[Path]:
        return sorted((self.sample / "train" / "images").rglob("*.jpg"))[:number]

    def noisy(self, deviation: float) -> list[Path]:
        """The drawn photos with normal noise of so many grey levels on them, as JPEG of quality 90."""
        folder = self.folder / f"noisy-{deviation:g}"
        if not folder.exists():
            folder.mkdir()
            rng = np.random.default_rng(0)
            for number, file in enumerate(self.files(7 * PEOPLE)):
                with Image.open(file) as photo:
                    pixels = np.asarray(photo) + rng.normal(0, deviation, (photo.height, photo.width, 3))
                Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number}.jpg", quality=90)
        return sorted(folder.iterdir())

    def model(self) -> Path:
        """The segmenter of u2net's size."""
        file = self.folder / "u2net-sized.onnx"
        return file if file.exists() else u2net.write(file)

    def ours(self, files: list[Path], background: Background, threads: int) -> int:
        """`files` -> shards."""
        return make(files, self.scratch(), background, threads)


def make(files: list[Path], folder: Path, background: Background, threads: int) -> int:
    """`files` -> shards in `folder`, as `python -m data_prep` makes them of a layout's photos."""
    photos = [Photo(file, file.name, file.parent.name) for file in files]
    shards = [photos[cut : cut + PHOTOS_PER_SHARD] for cut in range(0, len(photos), PHOTOS_PER_SHARD)]
    parts = [Part(number, shard, [True] * len(shard)) for number, shard in enumerate(shards)]
    made = list(make_here(parts, Job(folder, (512, 384), background), threads, lambda *_: None))
    return sum(record.photos for _, record in made)


def inside(bench: Bench) -> Table:
    """Wall time of one worker on one core, and how much of it ONNX Runtime takes."""
    import onnxruntime

    background, spent = backgrounds.load(str(bench.model())), [0.0]
    run = onnxruntime.InferenceSession.run

    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return run(*arguments, **options)
        finally:
            spent[0] += time.perf_counter() - start

    shares, rates = [], []
    files = bench.files(bench.photos)
    with measure.one_core(), patch.object(onnxruntime.InferenceSession, "run", timed):
        for number in range(-1, bench.rounds):
            spent[0] = 0.0
            seconds, _ = measure.timed(partial(bench.ours, files, background, 1), CPU)
            measure.say(f"{number + 1}/{bench.rounds}  {spent[0] / seconds:.1%} of {seconds:.1f} s inside ONNX Runtime")
            if number >= 0:
                shares.append(spent[0] / seconds)
                rates.append(len(files) / seconds)
    rows = [["share of a worker's time", *measure.spread(shares)], ["photos/s", *measure.spread(rates)]]
    return Table("inside ONNX Runtime, one worker on one core", _facts(bench), ["", "median", "min", "max"], rows)


def script(bench: Bench) -> Table:
    """Against rembg in a loop, with a session made once, and with one made for every photo."""
    import rembg

    files, model = bench.files(bench.photos), str(bench.model())
    background = backgrounds.load(model)
    home = str(backgrounds.kept(background.sha256))
    kept = rembg.new_session("u2net_custom", model_path=home)

    def usual(session: Callable[[], Any]) -> int:
        folder = bench.scratch()
        for file in files:
            rembg.remove(Image.open(file), session=session()).save(folder / f"{file.parent.name}-{file.stem}.png")
        return len(files)

    rates = measure.in_turn(
        {
            "ours": partial(bench.ours, files, background, cpu_cores()),
            "script, one session": partial(usual, lambda: kept),
            "script as written": partial(usual, lambda: rembg.new_session("u2net_custom", model_path=home)),
        },
        bench.rounds,
        CPU,
        after=bench.tidy,
    )
    return _against("against rembg in a loop, all cores", bench, rates)


def workers(bench: Bench) -> Table:
    """One worker pinned to one core, and two on two."""
    background = backgrounds.load(str(bench.model()))
    files = bench.files(bench.photos)

    def alone() -> int:
        with measure.one_core():
            return bench.ours(files, background, 1)

    rates = measure.in_turn(
        {"two": partial(bench.ours, files, background, 2), "one": alone}, bench.rounds, CPU, after=bench.tidy
    )
    return _against("two workers on two cores against one on one", bench, rates)


def keep(bench: Bench, noise: float = 0) -> Table:
    """A store without removal; Pillow alone, decoding to RGB arrays, and only decoding; as many bytes alone."""
    files = bench.files(7 * PEOPLE) if not noise else bench.noisy(noise)
    size = sum(file.stat().st_size for file in files) / len(files)

    def to_disk() -> int:
        pixels = np.random.default_rng(0).integers(0, 256, PHOTO_BYTES, dtype=np.uint8)
        folder = bench.scratch()
        for start in range(0, len(files), PHOTOS_PER_SHARD):
            with (folder / str(start)).open("wb") as shard:
                for _ in files[start : start + PHOTOS_PER_SHARD]:
                    shard.write(pixels.data)
                shard.flush()
                os.fsync(shard.fileno())
        return len(files)

    with contextlib.ExitStack() as stack:

        def apart(work: Callable[..., int]) -> Callable[..., int]:
            """`work` in a process of its own, so that the memory that one program has freed is no help to another."""
            pool = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
            return lambda *arguments: pool.submit(work, *arguments).result()

        store, bare, only = apart(make), apart(to_arrays), apart(to_nothing)
        programs = {
            "ours": lambda: store(files, bench.scratch(), Background(), cpu_cores()),
            "decoded to RGB arrays": lambda: bare(files),
            "decoded only": lambda: only(files),
            "as many bytes through the page cache": to_disk,
        }
        rates = measure.in_turn(programs, bench.rounds, CPU, after=bench.tidy)
    return _against(f"keep, against bare decoding, all cores; files of {size / 1000:.0f} kB", bench, rates)


def to_arrays(files: list[Path]) -> int:
    """Pillow, to RGB arrays."""

    def decode(file: Path) -> np.ndarray:
        with Image.open(file) as photo:
            return np.asarray(photo.convert("RGB"))

    return _in_threads(decode, files)


def to_nothing(files: list[Path]) -> int:
    """Pillow, and no more than decoding."""

    def decode(file: Path) -> None:
        with Image.open(file) as photo:
            photo.load()

    return _in_threads(decode, files)


def _in_threads(decode: Callable[[Path], Any], files: list[Path]) -> int:
    with ThreadPoolExecutor(cpu_cores()) as pool:
        for _ in pool.map(decode, files):
            pass
    return len(files)


def memory(bench: Bench, people: list[int], background: str) -> Table:
    """Peak memory and time of the whole command, of few people and of many."""
    rows = []
    for number in people:
        folder = bench.scratch()
        measure.say(f"drawing {number} people")
        drawn = draw(folder / "drawn", number, eval_people=0, progress=False)
        start = time.perf_counter()
        peak = _peak(_command(drawn, folder / "store", "--background", background))
        seconds = time.perf_counter() - start
        measure.say(f"{7 * number} photos: {peak / 1e6:.0f} MB, {seconds:.0f} s")
        rows.append([7 * number, peak / 1e6, seconds, 7 * number / seconds])
        bench.tidy()
    facts = _facts(bench) | {"background": background}
    return Table("memory of the whole command", facts, ["photos", "peak MB", "seconds", "photos/s"], rows)


def kills(bench: Bench, number: int) -> Table:
    """Kill a run at a random moment, start it again, compare its store with an undisturbed one's; `number` times."""
    chance, rows = random.Random(0), []
    folder = bench.scratch()
    drawn = draw(folder / "drawn", KILLED_PEOPLE, progress=False)
    whole, store = folder / "whole", folder / "killed"
    subprocess.run(_command(drawn, whole, *SMALL), check=True, capture_output=True)
    shards = len(list(whole.glob("*.npy")))
    for kill in range(number):
        kept = _killed(_command(drawn, store, *SMALL), store, chance.randrange(shards), chance.uniform(0, 0.3))
        subprocess.run(_command(drawn, store, *SMALL), check=True, capture_output=True)
        same = _contents(store) == _contents(whole)
        left = [file.name for file in folder.iterdir() if file.name.startswith(".")]
        rows.append([kill + 1, kept, "same" if same else "OTHER", ", ".join(left) or "nothing"])
        measure.say(f"kill {kill + 1}/{number}: {kept} of {shards} shards kept, {rows[-1][2]} bytes")
        shutil.rmtree(store)
    bench.tidy()
    columns = ["kill", f"of {shards} shards were kept", "bytes after the second run", "left behind"]
    return Table("killed and started again", _facts(bench), columns, rows)


KILLED_PEOPLE = 40
KILLED_SHARD = 32
SMALL = ("--background", "sample", "--size", "96x72", "--workers", "1")


def _command(drawn: Path, out: Path, *options: str) -> list[str]:
    """The command line; with small shards, so that a short run has many."""
    shard = KILLED_SHARD if options == SMALL else PHOTOS_PER_SHARD
    code = (
        "import sys; from common.command_line import exit_code; from data_prep.prepare import prepare; "
        f"from data_prep.__main__ import main; prepare.PHOTOS_PER_SHARD = {shard}; sys.exit(exit_code(main))"
    )
    train = drawn / "train"
    where = ["--images", str(train / "images"), "--labels", str(train / "train.csv"), "--out", str(out)]
    return [sys.executable, "-c", code, *where, *options]


def _killed(command: list[str], store: Path, parts: int, seconds: float) -> int:
    """Run it until so many parts of `store` are done, and so long; SIGKILL. How many parts are kept."""
    done = store.with_name(f".{store.name}.partial") / "parts"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (done.exists() and len(list(done.glob("*.json"))) >= parts):
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    if not done.exists():
        raise OptionError("a run had ended before it could be killed: run the benchmark on a machine with less to do")
    return len(list(done.glob("*.json")))


def _peak(command: list[str]) -> int:
    """Run it; its peak resident memory in bytes."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise OptionError(f"the command failed with exit code {process.returncode}: {' '.join(command)}")
    return usage.ru_maxrss * 1024


def _contents(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in store.iterdir()}


def _against(title: str, bench: Bench, rates: dict[str, Floats]) -> Table:
    """Photos/s of each program, and how many times as fast the first one is, round by round."""
    ours, *others = rates.values()
    rows = [[next(iter(rates)), *measure.spread(ours), None, None, None]]
    for name, theirs in zip(list(rates)[1:], others, strict=True):
        rows.append([name, *measure.spread(theirs), *measure.ratio(ours, theirs)])
    columns = ["", "median", "min", "max", "ours is times as fast", "min", "max"]
    return Table(title, _facts(bench), columns, rows, note="photos/s")


def _facts(bench: Bench) -> dict[str, Any]:
    from importlib.metadata import version

    facts = measure.machine(CPU)
    kept = {key: facts[key] for key in ("date", "CPU", "load before")}
    packages = {name: version(name) for name in ("Pillow", "rembg", "onnxruntime")}
    return kept | packages | {"photos": "512x384 JPEG", "n": bench.rounds}


def parser() -> Parser:
    options = Parser(
        prog="python -m benchmarks.data_prep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--parts", default="inside,script,workers,keep,noisy,kills", help="default: %(default)s; also memory"
    )
    options.add_argument("--photos", type=positive, default=8, metavar="N", help="a round, through the large segmenter")
    options.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: %(default)s")
    options.add_argument("--kills", type=positive, default=10, metavar="N", help="default: %(default)s")
    options.add_argument("--people", default="450,4500", metavar="A,B", help="for memory, 7 photos each (%(default)s)")
    options.add_argument("--background", default="sample", metavar="METHOD", help="for memory (default: %(default)s)")
    options.add_argument("--json", type=Path, metavar="FILE", help="also write the tables as JSON")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    people = [int(number) for number in options.people.split(",")]
    parts = {
        "inside": inside,
        "script": script,
        "workers": workers,
        "keep": keep,
        "noisy": partial(keep, noise=NOISE),
        "memory": partial(memory, people=people, background=options.background),
        "kills": partial(kills, number=options.kills),
    }
    if unknown := [name for name in options.parts.split(",") if name not in parts]:
        raise OptionError(f"--parts: {unknown[0]!r} is none of {', '.join(parts)}")
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
