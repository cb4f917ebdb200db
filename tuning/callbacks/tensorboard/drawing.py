"""Draws a grid of photos with their captions, and a confusion matrix, as small picture files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

PHOTO, ACROSS = 144, 4
"""Pixels of a photo's longer side, and photos in a row."""

CELL, LEAST = 28, 220
"""Pixels of a field of a matrix, and of a matrix's side at least."""

TEXT, LINE, GAP = 12, 15, 6
PAPER, INK, FULL, LIGHT_INK = "white", "black", np.array((31, 93, 160)), "white"
"""FULL is the colour of a field that all of its row is in."""


class Picture(NamedTuple):
    """A picture as the bytes of a file, JPEG or PNG."""

    data: bytes
    width: int
    height: int


def grid(photos: Sequence[npt.NDArray[np.uint8]], title: str, captions: Sequence[Sequence[str]] = ()) -> Picture:
    """Draw photos of one size in rows, each over the lines of its caption, as a JPEG."""
    tiles, font = [_fitted(photo) for photo in photos], _font()
    lines = max(map(len, captions), default=0)
    texts = [text for caption in captions for text in caption]
    width = GAP + max(tiles[0].width, *(math.ceil(font.getlength(text)) for text in texts), 0)
    height = GAP + tiles[0].height + lines * LINE
    rows, top = math.ceil(len(tiles) / ACROSS), LINE + GAP
    across = max(min(ACROSS, len(tiles)) * width, math.ceil(font.getlength(title)))
    sheet, pen = _sheet(across + GAP, top + rows * height, title)
    for number, tile in enumerate(tiles):
        x, y = GAP + number % ACROSS * width, top + number // ACROSS * height
        sheet.paste(tile, (x, y))
        for line, text in enumerate(captions[number] if captions else ()):
            pen.text((x, y + tile.height + line * LINE), text, fill=INK, font=font)
    return _saved(sheet, format="JPEG", quality=85)


def matrix(counts: npt.NDArray[np.integer], names: Sequence[str], title: str) -> Picture:
    """Draw a confusion matrix as a PNG: a field is the fuller in colour, the larger its share of its row.

    Args:
        counts: [n, n], a row for each true class.
        names: of the n classes.
    """
    font, n = _font(), len(names)
    cell, margin = max(CELL, LEAST // n), GAP + max(math.ceil(font.getlength(name)) for name in names)
    left, top = GAP + margin, LINE + GAP + margin
    across = max(left + n * cell, GAP + math.ceil(font.getlength(title)))
    sheet, pen = _sheet(across + GAP, top + n * cell + GAP, title)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    for number, name in enumerate(names):
        middle = round((number + 0.5) * cell)
        pen.text((left - GAP, top + middle), name, fill=INK, font=font, anchor="rm")
        _write_upwards(sheet, name, (left + middle, top - GAP), font)
    for (row, column), count in np.ndenumerate(counts):
        x, y = left + column * cell, top + row * cell
        share = float(shares[row, column])
        pen.rectangle((x, y, x + cell - 2, y + cell - 2), fill=_mixed(share))
        if count:
            ink = LIGHT_INK if share > 0.5 else INK
            pen.text((x + cell / 2, y + cell / 2), str(count), fill=ink, font=font, anchor="mm")
    # Words and fields have few colours: with a palette of them the file is a quarter as large.
    return _saved(sheet.quantize(64), format="PNG", optimize=True)


def _fitted(photo: npt.NDArray[np.uint8]) -> Image.Image:
    """Make the longer side PHOTO pixels; the pixels of a small photo stay to be seen."""
    image = Image.fromarray(photo)
    scale = PHOTO / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)


def _sheet(width: int, height: int, title: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 2), title, fill=INK, font=_font())
    return sheet, pen


def _write_upwards(sheet: Image.Image, text: str, at: tuple[int, int], font: ImageFont.FreeTypeFont) -> None:
    """Write text that reads upwards and begins above `at`, (its middle, its bottom)."""
    flat = Image.new("RGB", (math.ceil(font.getlength(text)), LINE), PAPER)
    ImageDraw.Draw(flat).text((0, LINE // 2), text, fill=INK, font=font, anchor="lm")
    upright = flat.transpose(Image.Transpose.ROTATE_90)
    sheet.paste(upright, (at[0] - upright.width // 2, at[1] - upright.height))


def _mixed(share: float) -> tuple[int, int, int]:
    """Mix a field's colour, from pale grey where nothing is in it."""
    red, green, blue = np.round((1 - share) * np.array((243, 243, 243)) + share * FULL).astype(int).tolist()
    return red, green, blue


def _font() -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(TEXT)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's packages have FreeType
    return font


def _saved(sheet: Image.Image, **how: object) -> Picture:
    data = io.BytesIO()
    sheet.save(data, **how)  # type: ignore[arg-type]
    return Picture(data.getvalue(), *sheet.size)
