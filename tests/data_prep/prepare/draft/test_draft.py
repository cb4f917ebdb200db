"""A store that is interrupted: what is done is kept, what is missing is made, and the bytes are the same."""

import os

import numpy as np
import pytest

from common.errors import PhotoError, StoreError
from data_prep.layouts.listing import Photo
from data_prep.photos.background import Background
from data_prep.prepare import parts
from tests.data_prep.prepare.draft.interrupting import Interrupted, contents, stop_after

SHARDS = 8
"""Of the 70 photos, ten to a shard, and three to predict."""


def test_what_was_done_is_not_done_again_and_the_bytes_are_the_same(make, tmp_path, monkeypatch):
    whole = contents(make("whole").path)
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make()
    kept = len(list((tmp_path / ".store.partial/parts").iterdir()))
    assert 2 <= kept <= 4 and not (tmp_path / "store").exists()
    said = []
    with monkeypatch.context() as patch:
        read = stop_after(patch, 1000)
        patch.setattr("data_prep.prepare.prepare.MANY", 73)
        assert contents(make(said=said).path) == whole
    assert said[-1] == "writing what is known of 73 photos"
    assert read[0] == 73 - 10 * kept
    assert f"{kept} of {SHARDS} shards are there" in "\n".join(said)
    assert not (tmp_path / ".store.partial").exists()


def test_photos_left_out_for_their_masks_are_remembered(make, tmp_path, monkeypatch):
    def half_of_most(photo):
        mask = np.zeros((photo.height, photo.width), np.uint8)
        mask[:, photo.width // 2 if np.asarray(photo)[0, 0, 1] > 20 else photo.width - 1 :] = 255
        return mask

    options = {"background": Background("own", "m.onnx", "0" * 64, half_of_most), "implausible": "leave-out"}
    store = make("whole", **options)
    assert len(store.meta["left_out"]) == 10 and len(store.meta["masks"]["implausible"]) == 13  # three to predict
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make(**options)
    with pytest.raises(StoreError, match=r"half-made store with other implausible \(leave-out, not keep\)"):
        make(**{**options, "implausible": "keep"})
    said = []
    assert contents(make(said=said, **options).path) == contents(store.path)
    assert "shards are there" in "\n".join(said)


@pytest.mark.parametrize(
    ("change", "what"),
    [({"size": (20, 16)}, "size"), ({"background": Background("own", "m.onnx", "0" * 64)}, "background, versions")],
)
def test_a_half_made_store_of_other_settings_is_never_mixed_in(make, tmp_path, monkeypatch, change, what):
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make()
    before = {file: file.read_bytes() for file in (tmp_path / ".store.partial").rglob("*") if file.is_file()}
    with pytest.raises(StoreError, match=f"half-made store with other {what}: run the command that began it"):
        make(**change)
    assert before == {file: file.read_bytes() for file in (tmp_path / ".store.partial").rglob("*") if file.is_file()}
    assert len(make()) == 73


def test_a_run_that_made_nothing_yet_binds_nobody(make, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 0)
        make()
    assert make(size=(20, 16)).size == (20, 16)


def test_another_version_of_what_makes_the_pixels_is_another_setting(make, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make()
    monkeypatch.setattr(Background, "versions", lambda self: {"Pillow": "0.1"})
    with pytest.raises(StoreError, match="other versions"):
        make()


def test_photos_that_were_mended_are_done_again_and_no_others(make, raw, monkeypatch):
    spoiled = raw.images / "000000-1_female_Asian_20" / "normal.jpg"
    good = spoiled.read_bytes()
    spoiled.write_bytes(good[:-6])
    with pytest.raises(PhotoError, match=r"1 of 73 .*what is done is kept"):
        make()
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make(max_left_out=0.1)
    spoiled.write_bytes(good)
    read = stop_after(monkeypatch, 1000)
    store = make()
    assert len(store) == 73 and store.meta["left_out"] == []
    assert read[0] < 73


@pytest.mark.parametrize("same_size", [True, False])
def test_a_part_is_another_one_when_a_photo_changed_under_an_old_time(raw, same_size):
    file = raw.images / "000000-1_female_Asian_20" / "normal.jpg"
    part = parts.Part(0, [Photo(file, file.name, "a")], [True])
    key, before, content = part.key, file.stat(), file.read_bytes()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert part.key == key
    # As a flag of EXIF is: a byte of the header.
    file.write_bytes(content[:10] + b"\x07" + content[11:] + (b"" if same_size else b"more"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert part.key != key
    file.unlink()
    assert part.key != key  # whoever decodes it says what is wrong


def test_labels_may_change_while_a_store_is_half_made(make, raw, monkeypatch):
    """They decide nothing about pixels: shards are kept where their people stay in the same splits."""
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make()
    raw.labels.write_text(raw.labels.read_text().replace(",40,", ",41,", 1))
    store = make()
    assert "41" in set(store.index.loc[store.person == "000010_male_Asian_40", "age"])
    assert contents(store.path) == contents(make("whole").path)


def test_a_shard_that_is_gone_or_cut_short_is_made_again(make, tmp_path, monkeypatch):
    whole = contents(make("whole").path)
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make()
    first, second = sorted((tmp_path / ".store.partial/store").iterdir())[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    assert contents(make().path) == whole


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1}', '{"key": null, "shard": {}}'])
def test_a_record_that_is_damaged_is_made_again(make, tmp_path, monkeypatch, text):
    whole = contents(make("whole").path)
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        stop_after(patch, 45)
        make()
    next((tmp_path / ".store.partial/parts").iterdir()).write_text(text)
    assert contents(make().path) == whole


def test_a_part_of_which_nothing_can_be_used_is_no_shard(make, raw):
    for file in sorted(raw.images.rglob("*.jpg"))[:14]:
        file.write_bytes(b"")
    store = make(max_left_out=0.5)
    assert len(store) == 59 and len(store.meta["left_out"]) == 14
    assert store.meta["shards"][0]["file"] == "images-00001.npy"
    assert len(store.read(np.arange(59))) == 59
