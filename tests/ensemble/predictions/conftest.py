from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from data_prep.prepare.like import Treatment
from data_prep.prepare.new_photos import new_photos
from data_prep.store.store import Store
from ensemble.predictions import predicting
from ensemble.predictions.sources import FilesSource

PART = 4


@pytest.fixture(autouse=True)
def _small_parts(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(predicting, "PHOTOS_PER_PART", PART)
    yield


@pytest.fixture
def photos(small_store: Store, tmp_path: Path) -> Path:
    """A folder of the store's ten photos to predict."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = small_store.rows("eval")
    for row, photo in zip(rows, small_store.read(rows), strict=True):
        Image.fromarray(photo).save(folder / f"{small_store.index['path'][row]}.png")
    return folder


@pytest.fixture
def source(small_store: Store, photos: Path) -> FilesSource:
    return FilesSource(new_photos(photos), Treatment.of_store(small_store))
