"""Drawn photos to prepare and to measure with: what the parts of `benchmarks.data_prep` share."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks import measure
from benchmarks.data_prep import u2net
from benchmarks.data_prep.processes import make
from data_prep.photos.background import Background
from data_prep.sample.draw import draw

CPU = torch.device("cpu")
PEOPLE = 300


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
        return root if root.exists() else draw(root, PEOPLE, eval_people=0, progress=False)

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


def facts(bench: Bench) -> dict[str, Any]:
    from importlib.metadata import version

    facts = measure.machine(CPU)
    kept = {key: facts[key] for key in ("date", "CPU", "load before")}
    packages = {name: version(name) for name in ("Pillow", "rembg", "onnxruntime")}
    return kept | packages | {"photos": "512x384 JPEG", "n": bench.rounds}
