"""Draws some photos of a store: as they are stored, and beside it as they were."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from common.errors import OptionError, PhotoError
from common.files import blaming, replacing
from data_prep.choices import KEEP, LEAVE_OUT
from data_prep.labels import MISSING, IntArray
from data_prep.photos import decode
from data_prep.store.store import Store

TALL, ACROSS = 192, 1200
"""Pixels of a photo's height, and of the sheet's width."""

CAPTION, GAP = 28, 6
INK, WARNING = "black", (190, 30, 30)


def draw_sheet(store: Store, file: Path, n: int = 24, seed: int = 0, images: Path | None = None) -> None:
    """Write a PNG of `n` photos of `store`, photos with an implausible mask first, the others drawn by `seed`.

    `images`, the folder that the store was made of, shows each as it was on its left.

    Raises:
        OptionError: a photo is not in `images`, or the picture cannot be written.
    """
    faults = {photo["path"]: photo["why"] for photo in (store.meta.get("masks") or {}).get("implausible", [])}
    tiles = [_tile(store, int(row), faults, images) for row in _chosen(store, list(faults), n, seed)]
    width, height = tiles[0].size
    columns = max(1, ACROSS // width)
    sheet = Image.new("RGB", (columns * width, math.ceil(len(tiles) / columns) * height), "white")
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * width, number // columns * height))
    with blaming("--sheet", file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as fresh:
            sheet.save(fresh, format="PNG")


def _chosen(store: Store, first: list[str], n: int, seed: int) -> IntArray:
    """Choose rows: up to a third of them of the photos `first`, the others at random, by class."""
    labelled = np.flatnonzero(store.index["split"] != "eval")
    marked = labelled[store.index["path"].iloc[labelled].isin(first)][: math.ceil(n / 3)]
    others = np.setdiff1d(labelled, marked)
    drawn = np.random.default_rng(seed).choice(others, min(n - len(marked), len(others)), replace=False)
    return np.concatenate([marked, drawn[np.argsort(store.classes()[drawn], kind="stable")]])


def _tile(store: Store, row: int, faults: dict[str, str], images: Path | None) -> Image.Image:
    after = Image.fromarray(store.read([row])[0])
    size = (round(TALL * after.width / after.height), TALL)
    path = str(store.index["path"].iloc[row])
    shown = [decode.fit(_original(path, images), (size[1], size[0]))] if images else []
    shown.append(np.asarray(after.resize(size, Image.Resampling.LANCZOS)))
    strip = Image.fromarray(np.concatenate(shown, axis=1))
    tile = Image.new("RGB", (strip.width + GAP, strip.height + CAPTION + GAP), "white")
    tile.paste(strip, (0, CAPTION))
    pen = ImageDraw.Draw(tile)
    colour = WARNING if path in faults else INK
    pen.text((2, 1), path[-strip.width // 6 :], fill=INK)
    pen.text((2, 14), _marked(store, faults[path]) if path in faults else _label(store, row), fill=colour)
    if path in faults:
        pen.rectangle((0, CAPTION, strip.width - 1, CAPTION + strip.height - 1), outline=WARNING, width=3)
    return tile


def _marked(store: Store, fault: str) -> str:
    return f"kept as it was: {fault}" if store.meta.get("implausible") in (KEEP, LEAVE_OUT) else fault


def _original(path: str, images: Path) -> Image.Image:
    file = (images / path).resolve()
    if not file.is_relative_to(images.resolve()) or not file.is_file():
        raise OptionError(f"--images {images}: no photo {path} in it; name the folder that the store was made of")
    try:
        return decode.load(file)
    except PhotoError as error:
        raise OptionError(f"--images: {file} cannot be shown: {error}") from None


def _label(store: Store, row: int) -> str:
    """Say what is known of a photo, in a few words."""
    known = store.classes()[row]
    if known != MISSING:
        return store.task.class_name(int(known), store.bands)
    labels = store.index.iloc[row][["mask", "gender", "age"]]
    return " ".join(str(label) for label in labels.dropna()) or "no label"
