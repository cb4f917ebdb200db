from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.trial_throughput import __main__ as trial_throughput
from benchmarks.trial_throughput import limit, memory, parts
from data_prep.store.store import Store

CPU = torch.device("cpu")


def test_a_process_knows_its_peak_memory() -> None:
    assert 1e7 < memory.peak_bytes(CPU) < 1e12


def test_every_part_makes_its_tables(
    small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit, "SIZES", {"cpu": (64,)})
    monkeypatch.setattr(limit, "WORK", {"cpu": 1})
    monkeypatch.setattr(limit, "PROFILED_STEPS", 1)
    small = ["--store", str(small_store.path), "--arch", "resnet18", "--threads", "1", "-n", "1", "--photos", "16"]
    file = tmp_path / "tables.json"
    asked = ["conventional", "pipeline", "constant", "deterministic", "limit"]
    assert trial_throughput.main([*small, "--part", *asked, "--workers", "0", "--json", str(file)]) == 0
    tables = json.loads(file.read_text())
    assert capsys.readouterr().out.count("| --- |") == len(tables) == 6
    assert [row[0] for row in tables[0]["rows"]] == [
        "trial",
        "**JPEG files, 0 workers**",
        "**decoded photos, 0 workers**",
    ]
    assert {"convolution", "optimizer", "loss"} <= {row[0] for row in tables[-1]["rows"]}
    assert trial_throughput.main([*small, "--part", "cell", "--batch-size", "4", "--crop", "224"]) == 0
    cell = json.loads(capsys.readouterr().out)
    assert cell["what"] == ["14x14 of 32x24", 4, 1, 16]
    assert cell["gigabytes"] > 0


def test_the_help_names_every_part() -> None:
    text = " ".join(trial_throughput.parser().format_help().split())
    assert ", ".join(parts.PARTS) in text
    assert trial_throughput.numbers("0,1,2") == [0, 1, 2]
