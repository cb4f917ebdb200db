"""A store that is interrupted: what is done is kept, what is missing is made, and the bytes are the same."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from common.errors import PhotoError, StoreError
from common.repository import ROOT
from data_prep.photos.background import Background
from data_prep.prepare import draft, parts
from data_prep.prepare import prepare as module
from data_prep.prepare.draft import Draft
from data_prep.store import shards
from tests.data_prep.preparing import prepared

SHARDS = 8
"""Of the 70 photos, ten to a shard, and three to predict."""


@pytest.fixture(autouse=True)
def _ten_a_shard(monkeypatch):
    monkeypatch.setattr(module, "PHOTOS_PER_SHARD", 10)


@pytest.fixture
def make(raw, tmp_path):
    """`prepare` on the ten people; `said` gets what it says."""

    def run(out="store", said=None, **options):
        settings = {"eval_dir": raw.eval, "background": "keep", "progress": False, "workers": 2} | options
        return prepared(
            raw.images, raw.labels, tmp_path / out, say=[].append if said is None else said.append, **settings
        )

    return run


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class Interrupted(Exception):
    pass


def stop_after(monkeypatch, photos, error=Interrupted):
    """The photo after so many raises; returns how many were read, in a list of one."""
    read, treat = [0], module_treat

    def limited(photo, *arguments, **options):
        read[0] += 1
        if read[0] > photos:
            raise error
        return treat(photo, *arguments, **options)

    monkeypatch.setattr(parts, "treat", limited)
    return read


module_treat = parts.treat


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
        assert contents(make(said=said).path) == whole
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


RUN = """
import sys
from common.command_line import exit_code
from data_prep.prepare import parts, prepare
from data_prep.__main__ import main
import time
prepare.PHOTOS_PER_SHARD = 10
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests themselves run in the background
treat = parts.treat
seconds = float(sys.argv.pop(1))
def slow(*arguments, **options):
    time.sleep(seconds)
    return treat(*arguments, **options)
parts.treat = slow
sys.exit(exit_code(main))
"""


def start(raw, out, seconds=0.02):
    """The command in a process of its own, that takes so long for each photo."""
    where = ["--images", raw.images, "--labels", raw.labels, "--eval", raw.eval, "--out", out, "--background", "keep"]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(seconds), *map(str, where), "--workers", "2"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_killed_at_any_time_and_started_again_it_makes_the_same_bytes(make, raw, tmp_path):
    """Two kills, each a little later than what the one before had done; `python -m benchmarks.data_prep` kills more."""
    whole = contents(make("whole").path)
    chance = random.Random(0)
    for _ in range(2):
        process = start(raw, tmp_path / "killed")
        wait_for(tmp_path / ".killed.partial/settings.json", process)
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(raw, tmp_path / "killed")
    _, problems = process.communicate(timeout=60)
    assert process.returncode == 0, problems
    assert contents(tmp_path / "killed") == whole
    assert sorted(file.name for file in tmp_path.iterdir()) == ["killed", "raw", "whole"]


def wait_for(file, process):
    end = time.monotonic() + 60
    while not file.exists() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_keeps_what_is_done(make, raw, tmp_path):
    process = start(raw, tmp_path / "store", seconds=0.2)
    wait_for(tmp_path / ".store.partial/parts/00000.json", process)
    process.send_signal(signal.SIGINT)
    _, problems = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in problems
    assert contents(make().path) == contents(make("whole").path)


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


def test_two_at_once_do_not_get_in_each_others_way(make, tmp_path):
    settings = {"background": "any"}
    with (
        Draft(tmp_path / "store", (40, 30), settings),
        pytest.raises(StoreError, match="is being made by another process: wait for it, or choose another --out"),
    ):
        make()


def test_what_a_kill_leaves_after_the_last_rename_is_swept_up(make, tmp_path):
    store = make()
    (tmp_path / ".store.partial/parts").mkdir(parents=True)
    (tmp_path / ".store.partial/settings.json").write_text(json.dumps({}))
    assert make().hash == store.hash
    assert not (tmp_path / ".store.partial").exists()
