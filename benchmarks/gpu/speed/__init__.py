"""How fast trials are on this GPU: what is measured, in the order of its worth."""

from __future__ import annotations

from benchmarks.gpu.part import Part
from benchmarks.gpu.speed import between, data, limits, modes, photos

PARTS: list[Part] = [
    photos.against_conventional(cores=2, seconds=60),
    data.PART,
    between.PART,
    photos.against_conventional(cores=16, seconds=45),
    limits.MEMORY,
    limits.KERNELS,
    modes.DETERMINISTIC,
    photos.against_conventional(cores=8, seconds=35),
    photos.against_conventional(cores=4, seconds=40),
    modes.COMPILED,
]
