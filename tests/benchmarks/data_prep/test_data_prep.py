"""The benchmark of preparing, on a few photos and with the sample's small segmenter for u2net's size."""

import json
import shutil

import pytest

from benchmarks.data_prep import __main__ as benchmark
from benchmarks.data_prep import bench as benches
from benchmarks.data_prep import u2net
from common.command_line import exit_code
from data_prep.photos.background import SAMPLE_MODEL, load

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


def test_a_part_that_there_is_not_is_named(capsys):
    assert exit_code(lambda: benchmark.main(["--parts", "speed"])) == 2
    assert "'speed' is none of inside, script" in capsys.readouterr().err


def test_the_network_is_of_the_published_size():
    assert round(sum(weight.numel() for weight in u2net.U2Net().parameters()) / 1e6, 1) == 44.0
