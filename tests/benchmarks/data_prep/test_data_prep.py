"""The benchmark of preparing, on a few photos and with the sample's small segmenter for u2net's size."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.data_prep import __main__ as benchmark
from benchmarks.data_prep import bench as benches
from benchmarks.data_prep import u2net
from benchmarks.data_prep.runs import used
from common.command_line import exit_code
from common.errors import OptionError
from data_prep.photos.background import SAMPLE_MODEL, load
from tests.data_prep import drawn_layouts

PARTS = "inside,script,workers,keep,noisy"


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("REMBG_HOME", str(tmp_path / "rembg"))
    monkeypatch.setattr(benches, "PEOPLE", 6)
    monkeypatch.setattr(u2net, "write", lambda file: shutil.copyfile(SAMPLE_MODEL, file))
    load.cache_clear()
    yield
    load.cache_clear()


def test_every_part_makes_its_table(small, tmp_path, capsys):
    benchmark.main(["--parts", PARTS, "--photos", "3", "--rounds", "1", "--json", str(tmp_path / "out.json")])
    tables = json.loads((tmp_path / "out.json").read_text())
    assert len(tables) == 5 and all(table["facts"]["n"] == 1 for table in tables)
    share = tables[0]["rows"][0][1]
    assert 0 < share < 1
    assert all(row[1] > 0 for table in tables[1:] for row in table["rows"])
    assert capsys.readouterr().out.count("## ") == 5


def test_a_folder_of_photographs_is_prepared_and_decoded_in_turn(tmp_path, capsys):
    images, _ = drawn_layouts.utkface(tmp_path)
    benchmark.main(["--parts", "folder", "--images", str(images), "--rounds", "1", "--json", "out.json"])
    (table,) = json.loads(Path("out.json").read_text())
    assert table["facts"]["photos"] == 24 and all(row[1] > 0 for row in table["rows"])
    speeds, ratio = [row[1] for row in table["rows"][:2]], table["rows"][2][1]
    assert ratio == pytest.approx(speeds[1] / speeds[0])
    assert exit_code(lambda: benchmark.main(["--parts", "folder"])) == 2
    assert "name a folder of photographs with --images" in capsys.readouterr().err


def test_a_commands_memory_is_its_own_and_not_that_of_who_started_it():
    held = np.ones(60_000_000)
    usage = used([sys.executable, "-c", "import time; time.sleep(0.2)"])
    assert usage.cpu > 0
    assert 1e6 < usage.peak < 1e8 < held.nbytes
    large = used([sys.executable, "-c", "import time; held = bytearray(b'1') * 300_000_000; time.sleep(0.2)"])
    assert 3e8 < large.peak < 4e8
    with pytest.raises(OptionError, match="exit code 3"):
        used([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_part_that_there_is_not_is_named(capsys):
    assert exit_code(lambda: benchmark.main(["--parts", "speed"])) == 2
    assert "'speed' is none of inside, script" in capsys.readouterr().err


def test_the_network_is_of_the_published_size():
    assert round(sum(weight.numel() for weight in u2net.U2Net().parameters()) / 1e6, 1) == 44.0
