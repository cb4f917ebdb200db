"""Decodes every photo below a folder and resizes it, with nothing but Pillow: what a store cannot be made without.

python -m benchmarks.data_prep.bare_decoding ~/UTKFace --size 64x64
"""

from __future__ import annotations

import multiprocessing
from functools import partial
from pathlib import Path

from common.command_line import Parser, exit_code
from common.machine import cpu_cores

AT_ONCE = 64


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    height, width = map(int, options.size.split("x"))
    files = sorted(file for file in options.images.rglob("*") if file.is_file())
    with multiprocessing.Pool(cpu_cores()) as pool:
        done = sum(pool.imap(partial(decode, (width, height)), files, chunksize=AT_ONCE))
    print(f"{len(files)} photos, {done} bytes")


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.data_prep.bare_decoding", description=__doc__)
    result.add_argument("images", type=Path, help="a folder of photographs")
    result.add_argument("--size", default="64x64", metavar="HxW", help="(default: %(default)s)")
    return result


def decode(size: tuple[int, int], file: Path) -> int:
    """Open, convert, resize to `size` (width, height); returns how many bytes that makes."""
    import numpy as np
    from PIL import Image

    with Image.open(file) as photo:
        return np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)).nbytes


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
