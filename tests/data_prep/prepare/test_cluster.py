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
from tests.data_prep.conftest import Raw
from tests.data_prep.preparing import prepared
from tests.helpers import forked_program
from tests.helpers.patience import HANGS

PARTS = 7
PEOPLE = [(f"00000{i}_female_Asian_{20 + i}", "female", 20 + i) for i in range(4)]


@pytest.fixture(scope="module")
def raw_of_four(tmp_path_factory):
    """28 photos so large that a part of four takes a while."""
    made = Raw(tmp_path_factory.mktemp("four"))
    made.write_people(PEOPLE)
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    for person, _, _ in PEOPLE:
        for file in (made.images / person).iterdir():
            Image.fromarray(noise).resize((1200, 900)).save(file)
    return made


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """Where the cluster makes its stores, one by scenario."""
    return tmp_path_factory.mktemp("there")


@pytest.fixture(scope="module")
def found(raw_of_four, there):
    """What came of each scenario."""
    program = Path(__file__).with_name("cluster_run.py")
    environment = {
        "PYTHONPATH": str(ROOT),
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_AUTH_MODE": "disabled",  # a token that lies on this machine is not this cluster's
    }
    printed = forked_program.run([program, raw_of_four.images, raw_of_four.labels, there], environment=environment)
    return json.loads(printed.splitlines()[-1])


def here(raw, out, monkeypatch):
    """The same store, made without Ray."""
    monkeypatch.setattr(module, "PHOTOS_PER_SHARD", 4)
    options = {"background": "keep", "size": (40, 30), "progress": False, "say": lambda line: None}
    return prepared(raw.images, raw.labels, out, **options).path


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("scenario", ["node dies", "workers die"])
def test_a_cluster_makes_the_same_bytes_whatever_happens_to_its_machines(
    found, there, raw_of_four, tmp_path, monkeypatch, scenario
):
    """One of two machines is lost; or the second joins late, and then both workers are killed."""
    seen = found[scenario]
    assert "error" not in seen, seen
    assert sorted(seen["kept"]) == list(range(PARTS)) and seen["nodes"] == 2
    assert contents(there / scenario) == contents(here(raw_of_four, tmp_path / "here", monkeypatch))
    assert not list(there.glob(f".{scenario}*"))
    assert any("was lost; what it was at is done again" in line for line in seen["said"])


def test_photos_that_kill_every_worker_stop_the_run_and_what_is_done_is_kept(found, there):
    seen = found["photo kills"]
    assert "2 workers died at the photos from" in seen["error"] and "StoreError" in seen["error"]
    assert 0 < len(seen["kept"]) < PARTS  # all others, unless the machine is so busy that the other worker is behind
    assert len(list((there / ".photo kills.partial/parts").iterdir())) == len(seen["kept"])


def test_workers_that_die_before_they_are_ready_are_not_hired_for_ever(found):
    seen = found["never ready"]
    assert "before they are ready: look at the machines' memory" in seen["error"] and seen["kept"] == []


def test_where_no_cluster_answers_the_address_is_named(raw, tmp_path):
    code = (
        "from pathlib import Path\nfrom common.errors import OptionError\n"
        "from tests.data_prep.preparing import prepared\n"
        f"raw = Path({str(raw.images)!r}), Path({str(raw.labels)!r})\n"
        "try: prepared(*raw, Path('store'), background='keep', cluster='127.0.0.1:1')\n"
        "except OptionError as error: print('said:', error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=HANGS)
    assert "said: --address 127.0.0.1:1: no Ray cluster answers there" in done.stdout, done.stderr[-2000:]


def test_a_background_without_a_name_cannot_go_to_a_cluster(raw, tmp_path):
    from data_prep.photos.background import Background

    with pytest.raises(OptionError, match="must be one that every machine can load by its name"):
        prepared(raw.images, raw.labels, tmp_path / "s", background=Background(), cluster="auto", say=[].append)
