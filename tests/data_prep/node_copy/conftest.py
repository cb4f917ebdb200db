from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem

from common.addresses.remote_folder import RemoteFolder
from data_prep.node_copy.remote import RemoteStore
from data_prep.store import writer as store_writer
from data_prep.store.store import Store
from tests.data_prep.node_copy.sources import make


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Eight photos in four shards."""
    monkeypatch.setattr(store_writer, "PHOTOS_PER_SHARD", 2)
    return make(tmp_path / "source", seed=0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read at addresses, in order."""
    names: list[str] = []
    files = LocalFileSystem()

    def open_input_stream(path: str, compression: None) -> Any:
        names.append(Path(path).name)
        return files.open_input_stream(path, compression=compression)

    fake = SimpleNamespace(open_input_stream=open_input_stream, type_name="local")
    monkeypatch.setattr(
        RemoteStore, "of", lambda uri: RemoteStore(RemoteFolder(uri, fake, uri.removeprefix("file://")))
    )
    return names
