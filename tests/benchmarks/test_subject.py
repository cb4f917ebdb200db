from __future__ import annotations

from pathlib import Path

from benchmarks import subject
from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.photos import batches


def test_a_shorter_epoch_has_so_many_train_photos_and_all_of_val(small_store: Store) -> None:
    config = TrialConfig()
    cut = subject.few(small_store, 40, config)
    assert len(batches.training_set(config.labels, cut)[0]) == 40
    assert cut.rows("val").tolist() == small_store.rows("val").tolist()
    assert subject.few(small_store, 10_000, config) is small_store


def test_a_small_copy_holds_whole_people(small_store: Store, tmp_path: Path) -> None:
    copy = subject.small_copy(small_store, tmp_path / "copy", train=20, val=10)
    assert [len(copy.rows(split)) for split in ("train", "val", "test")] == [21, 14, 0]
    judged = subject.small_copy(small_store, tmp_path / "judged", train=7, val=7, test=8)
    assert [len(judged.rows(split)) for split in ("train", "val", "test")] == [7, 7, 14]
    assert (copy.bands, copy.source_size, copy.profile) == ((30, 60), (512, 384), "sample")
