"""A store that is being made outlives a power cut at any moment."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from data_prep.prepare import prepare as preparing
from data_prep.prepare.draft import Draft
from data_prep.prepare.parts import Part, Record
from data_prep.store.store import Store
from tests.data_prep.preparing import prepared
from tests.helpers.power import Disk


def test_a_preparation_goes_on_and_its_store_is_whole_once_it_is_said_to_be_there(
    raw: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "PHOTOS_PER_SHARD", 10)
    (tmp_path / "disk").mkdir()
    options: dict[str, Any] = {"eval_dir": raw.eval, "background": "keep", "progress": False, "workers": 2}
    kept: list[int] = []
    keep = Draft.keep

    def watched(draft: Draft, part: Part, record: Record) -> None:
        keep(draft, part, record)
        kept.append(len(disk.left) - 1)

    monkeypatch.setattr(Draft, "keep", watched)
    with closing(Disk(tmp_path / "disk", monkeypatch)) as disk:
        whole = prepared(raw.images, raw.labels, disk.root / "store", say=lambda line: None, **options)
    monkeypatch.setattr(Draft, "keep", keep)
    last, out = len(disk.left) - 1, tmp_path / "again"
    for moment in range(last + 1):
        left = disk.restore(moment, out)
        if not (left / "store").exists():
            done = [json.loads(file.read_text()) for file in left.glob(".store.partial/parts/[0-9]*.json")]
            assert len(done) >= sum(when <= moment for when in kept)
            assert all((left / ".store.partial/store" / each["shard"]["file"]).stat().st_size for each in done)
        again = prepared(raw.images, raw.labels, left / "store", say=lambda line: None, **options)
        assert again.hash == whole.hash, moment
        assert Store.open(left / "store", verify=True).hash == whole.hash, moment
        shutil.rmtree(out)
    assert (disk.restore(last, out) / "store/store.json").exists()
