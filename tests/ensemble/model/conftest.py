"""A model that was taken away, and photos to predict; its networks are small, and nobody trained them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep.store.store import Store
from ensemble.model.leaving import Leaving, leaving
from ensemble.model.write import write_folder, write_single_file
from tests.ensemble.model.searches import made_search
from tests.helpers.small_networks import small_networks


@pytest.fixture
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small_networks(monkeypatch)


@pytest.fixture(scope="session")
def search(smallest_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        small_networks(patch)
        return made_search(tmp_path_factory.mktemp("runs") / "search", smallest_store)


@pytest.fixture(scope="session")
def chosen(search: Path) -> Leaving:
    return leaving(search, None)


@pytest.fixture(scope="session")
def written(chosen: Leaving, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's folder, model/, and its single file, model.zip, beside it; only to be read."""
    folder = tmp_path_factory.mktemp("taken")
    with pytest.MonkeyPatch.context() as patch:
        small_networks(patch)
        write_folder(chosen, folder / "model")
        write_single_file(chosen, folder / "model.zip")
    return folder


@pytest.fixture
def model(written: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder, to be spoilt; its weights are links, to be replaced and not written to."""
    return Path(shutil.copytree(written / "model", tmp_path / "model", copy_function=_link))


def _link(source: str, copy: str) -> None:
    (os.link if source.endswith(".safetensors") else shutil.copy)(source, copy)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven drawn photos of several sizes, and one that is none."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate([(32, 24), (64, 48), (48, 64), (512, 384), (31, 77), (40, 30), (24, 24)]):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(folder / f"{number}.png")
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    return folder
