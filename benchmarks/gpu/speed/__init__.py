"""How fast trials are on this GPU: what is measured, in the order of its worth."""

from __future__ import annotations

from benchmarks.gpu.part import Part
from benchmarks.gpu.speed import between, data, limits, modes, photos

PARTS: list[Part] = [
    photos.against_conventional(cores=2, seconds=75),
    data.PART,
    between.PART,
    limits.MEMORY,
    limits.KERNELS,
    modes.DETERMINISTIC,
    *(modes.searching(tries) for tries in (10, 2, 0)),
    photos.against_conventional(cores=8, seconds=75),
    photos.against_conventional(cores=16, seconds=100),
    photos.against_conventional(cores=4, seconds=75),
    modes.COMPILED,
]
