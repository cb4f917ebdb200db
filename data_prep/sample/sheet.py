"""Draws a contact sheet: one row a person, seven photos each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from common.files import blaming, replacing
from data_prep.sample.scene import HEIGHT, PHOTOS, WIDTH

THUMB = (WIDTH * 3 // 8, HEIGHT * 3 // 8)
CAPTION = 16
MAX_ROWS = 10


def contact_sheet(root: Path, file: Path, max_rows: int = MAX_ROWS) -> None:
    """Write a PNG of up to `max_rows` labelled people of the sample in `root`, evenly picked.

    Raises:
        OptionError: it cannot be written.
    """
    people = pd.read_csv(root / "train" / "train.csv", dtype=str)
    step = max(1, len(people) // max_rows)
    paths = people["path"].tolist()[::step][:max_rows]
    sheet = Image.new("RGB", (THUMB[0] * len(PHOTOS), (THUMB[1] + CAPTION) * len(paths)), "white")
    for row, path in enumerate(paths):
        _draw_row(sheet, row * (THUMB[1] + CAPTION), root / "train" / "images" / path)
    with blaming("--sheet", file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as fresh:
            sheet.save(fresh, format="PNG")


def _draw_row(sheet: Image.Image, top: int, folder: Path) -> None:
    pen = ImageDraw.Draw(sheet)
    for column, photo in enumerate(PHOTOS):
        left = column * THUMB[0]
        pen.text((left + 3, top + 2), folder.name if column == 0 else photo, fill="black")
        with Image.open(folder / f"{photo}.jpg") as image:
            sheet.paste(image.resize(THUMB, Image.Resampling.LANCZOS), (left, top + CAPTION))
