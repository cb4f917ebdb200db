"""A disk that is full, closed or gone while a store is made."""

import errno
import os

import pytest

from common.errors import StoreError
from data_prep.prepare import draft, parts
from data_prep.store import shards
from tests.data_prep.prepare.draft.interrupting import contents, stop_after


def test_a_disk_without_room_is_refused_before_anything_is_read(make, tmp_path, monkeypatch):
    monkeypatch.setattr(draft, "SPARE", 10**18)
    read = stop_after(monkeypatch, 1000)
    with pytest.raises(
        StoreError, match=r"GB free, and 73 photos of 40x30 need .* GB: free some, choose another --out"
    ):
        make()
    assert read[0] == 0


def test_a_disk_that_fills_up_is_one_clear_line_and_a_rerun_goes_on(make, tmp_path, monkeypatch):
    """A fake: the third shard finds the disk full."""
    whole = contents(make("whole").path)
    finish = shards.ShardWriter.finish
    done = []

    def full(self):
        done.append(self)
        if len(done) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return finish(self)

    with monkeypatch.context() as patch:
        patch.setattr(shards.ShardWriter, "finish", full)
        with pytest.raises(StoreError, match=r"cannot write in .*No space left on device.* run the same command again"):
            make()
    assert not list((tmp_path / ".store.partial/store").glob(".*"))
    assert contents(make().path) == whole


def test_a_folder_that_cannot_be_written_is_named(make, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match=r"cannot write .*choose another --out"):
        make("file/store")


def test_a_storage_that_is_gone_blames_no_photo(make, monkeypatch):
    """A fake: reading fails as it does on a network file system whose server is gone."""

    def stale(*_, **__):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with monkeypatch.context() as patch:
        patch.setattr(parts.photos, "load", stale)
        with pytest.raises(StoreError, match=r"could not be read \(Stale file handle\); what is done is kept"):
            make()
    assert make().meta["left_out"] == []
