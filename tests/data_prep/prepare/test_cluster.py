"""Preparing on a Ray cluster: real nodes, all on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import OptionError
from common.repository import ROOT
from data_prep.prepare import prepare as module
from tests.data_prep.preparing import prepared

PARTS = 7
PEOPLE = [(f"00000{i}_female_Asian_{20 + i}", "female", 20 + i) for i in range(4)]


@pytest.fixture
def slow(raw):
    """28 photos so large that a part of four takes about a second."""
    raw.write_people(PEOPLE)
    large = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((3000, 2400))
    for person, _, _ in PEOPLE:
        for file in (raw.images / person).iterdir():
            large.save(file)
    return raw


def run(raw, out, scenario):
    command = [sys.executable, str(Path(__file__).with_name("cluster_run.py")), scenario, raw.images, raw.labels, out]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_AUTH_MODE": "disabled",  # a token that lies on this machine is not this cluster's
    }
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    (result,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return json.loads(result.removeprefix("RESULT "))


def here(raw, out, monkeypatch):
    """The same store, made without Ray."""
    monkeypatch.setattr(module, "PHOTOS_PER_SHARD", 4)
    options = {"background": "keep", "size": (40, 30), "progress": False, "say": lambda line: None}
    return prepared(raw.images, raw.labels, out, **options).path


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("scenario", ["node dies", "workers die"])
def test_a_cluster_makes_the_same_bytes_whatever_happens_to_its_machines(slow, tmp_path, monkeypatch, scenario):
    """One of two machines is lost; or the second joins late, and then both workers are killed."""
    found = run(slow, tmp_path / "there", scenario)
    assert "error" not in found, found
    assert sorted(found["kept"]) == list(range(PARTS)) and found["nodes"] == 2
    assert contents(tmp_path / "there") == contents(here(slow, tmp_path / "here", monkeypatch))
    assert not list(tmp_path.glob(".there*"))
    assert any("was lost; what it was at is done again" in line for line in found["said"])


def test_photos_that_kill_every_worker_stop_the_run_and_what_is_done_is_kept(slow, tmp_path):
    found = run(slow, tmp_path / "there", "photo kills")
    assert "3 workers died at the photos from" in found["error"] and "StoreError" in found["error"]
    assert len(found["kept"]) == PARTS - 1
    assert len(list((tmp_path / ".there.partial/parts").iterdir())) == PARTS - 1


def test_workers_that_die_before_they_are_ready_are_not_hired_for_ever(slow, tmp_path):
    found = run(slow, tmp_path / "there", "never ready")
    assert "before they are ready: look at the machines' memory" in found["error"] and found["kept"] == []


def test_where_no_cluster_answers_the_address_is_named(raw, tmp_path):
    code = (
        "from pathlib import Path\nfrom common.errors import OptionError\n"
        "from tests.data_prep.preparing import prepared\n"
        f"raw = Path({str(raw.images)!r}), Path({str(raw.labels)!r})\n"
        "try: prepared(*raw, Path('store'), background='keep', cluster='127.0.0.1:1')\n"
        "except OptionError as error: print('said:', error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert "said: --address 127.0.0.1:1: no Ray cluster answers there" in done.stdout, done.stderr[-2000:]


def test_a_background_without_a_name_cannot_go_to_a_cluster(raw, tmp_path):
    from data_prep.photos.background import Background

    with pytest.raises(OptionError, match="must be one that every machine can load by its name"):
        prepared(raw.images, raw.labels, tmp_path / "s", background=Background(), cluster="auto", say=[].append)
