"""The process that makes a store is killed, interrupted, or not alone."""

import json
import os
import random
import signal
import time

import pytest

from common.errors import StoreError
from data_prep.prepare.draft import Draft
from tests.data_prep.prepare.draft.interrupting import contents
from tests.helpers.forked_program import Program
from tests.helpers.patience import HANGS

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
    return Program(["-c", RUN, seconds, *where, "--workers", "2"])


def test_killed_at_any_time_and_started_again_it_makes_the_same_bytes(make, raw, tmp_path):
    """Two kills, each a little later than what the one before had done; `python -m benchmarks.data_prep` kills more."""
    whole = contents(make("whole").path)
    chance = random.Random(0)
    for _ in range(2):
        process = start(raw, tmp_path / "killed")
        wait_for(tmp_path / ".killed.partial/settings.json", process)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.wait()
    process = start(raw, tmp_path / "killed")
    assert process.wait() == 0, process.said()
    assert contents(tmp_path / "killed") == whole
    assert sorted(file.name for file in tmp_path.iterdir()) == ["killed", "raw", "whole"]


def wait_for(file, process):
    end = time.monotonic() + HANGS
    while not file.exists() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_keeps_what_is_done(make, raw, tmp_path):
    process = start(raw, tmp_path / "store", seconds=0.2)
    wait_for(tmp_path / ".store.partial/parts/00000.json", process)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130 and "Traceback" not in process.said()
    assert contents(make().path) == contents(make("whole").path)


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
