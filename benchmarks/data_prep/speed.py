"""Photos a second of preparing, against what people write themselves."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from benchmarks import measure
from benchmarks.data_prep import bench as benches
from benchmarks.data_prep.bench import CPU, Bench, facts
from benchmarks.data_prep.processes import make, to_arrays, to_nothing
from benchmarks.measure import Floats, Table
from common.machine import cpu_cores
from data_prep.photos import background as backgrounds
from data_prep.photos import segmenters
from data_prep.photos.background import Background
from data_prep.store.shards import PHOTOS_PER_SHARD

PHOTO_BYTES = 512 * 384 * 3


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
    return Table("inside ONNX Runtime, one worker on one core", facts(bench), ["", "median", "min", "max"], rows)


def script(bench: Bench) -> Table:
    """Against rembg in a loop, with a session made once, and with one made for every photo."""
    import rembg

    files, model = bench.files(bench.photos), str(bench.model())
    background = backgrounds.load(model)
    home = str(segmenters.kept(str(background.sha256)))
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
    files = bench.files(7 * benches.PEOPLE) if not noise else bench.noisy(noise)
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


def _against(title: str, bench: Bench, rates: dict[str, Floats]) -> Table:
    """Photos/s of each program, and how many times as fast the first one is, round by round."""
    ours, *others = rates.values()
    rows = [[next(iter(rates)), *measure.spread(ours), None, None, None]]
    for name, theirs in zip(list(rates)[1:], others, strict=True):
        rows.append([name, *measure.spread(theirs), *measure.ratio(ours, theirs)])
    columns = ["", "median", "min", "max", "ours is times as fast", "min", "max"]
    return Table(title, facts(bench), columns, rows, note="photos/s")
