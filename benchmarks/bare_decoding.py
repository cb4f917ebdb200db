"""Decodes every photo below a folder and resizes it, with nothing but Pillow: what a store cannot be made without.

python -m benchmarks.bare_decoding ~/UTKFace 64x64
"""

from __future__ import annotations

import multiprocessing
import sys
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from common.machine import cpu_cores

AT_ONCE = 64


def decode(size: tuple[int, int], file: Path) -> int:
    """Open, convert, resize to `size` (width, height); returns how many bytes that makes."""
    with Image.open(file) as photo:
        return np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)).nbytes


def main(folder: str, size: str) -> None:
    height, width = map(int, size.split("x"))
    files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
    with multiprocessing.Pool(cpu_cores()) as pool:
        done = sum(pool.imap(partial(decode, (width, height)), files, chunksize=AT_ONCE))
    print(f"{len(files)} photos, {done} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
