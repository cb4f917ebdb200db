from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import (
    conventional,
    limit,
    measure,
    memory,
    subject,
    throughput_parts,
    trial_throughput,
    turnover_searches,
)
from benchmarks.conventional import DECODED, JPEG
from benchmarks.measure import Table
from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.photos import batches
from trainable.photos.preprocessing import crop_in_store

CPU = torch.device("cpu")
STILL = {f"augment/{name}": 0.0 for name in ("flip", "rotation", "brightness", "contrast", "saturation", "hue")}


@pytest.mark.parametrize(("source", "error"), [(DECODED, 1e-6), (JPEG, 40 / 255)])
def test_the_conventional_trainer_sees_the_crop_of_the_trial_normalized(
    small_store: Store, tmp_path: Path, source: str, error: float
) -> None:
    config = subject.config_for(small_store, "resnet18", **STILL)
    rows, classes = batches.training_set(config.labels, small_store)
    conventional.write_jpegs(small_store, rows[:3], tmp_path)
    image, label = conventional.dataset(config, small_store, source, tmp_path)[2]
    height, width = crop_in_store(config.crop, small_store)
    top, left = (32 - height) // 2, (24 - width) // 2
    photo = small_store.read(rows[2:3], top, left, height, width)[0]
    expected = (photo / 255 - small_store.mean) / small_store.std
    assert (image.shape, image.dtype, label) == ((3, height, width), torch.float32, classes[2])
    # Noise is what JPEG keeps worst: its mean error is bounded, not its largest.
    assert np.abs(image.permute(1, 2, 0).numpy() - expected).mean() <= error / small_store.std.min()


def test_jpeg_files_are_of_the_stored_size(small_store: Store, tmp_path: Path) -> None:
    conventional.write_jpegs(small_store, np.array([5]), tmp_path)
    with Image.open(conventional.jpeg(tmp_path, 5)) as photo:
        assert (photo.size, photo.format) == ((24, 32), "JPEG")


@pytest.mark.parametrize("item", [True, False])
def test_the_conventional_trainer_learns(small_store: Store, tmp_path: Path, item: bool) -> None:
    config = subject.config_for(small_store, "resnet18", **{"crop/height": 200, "crop/width": 200})
    store = subject.few(small_store, 35, config)
    trainer = conventional.Conventional(config, CPU, item)
    loader = conventional.loader(conventional.dataset(config, store, DECODED, tmp_path), 16, 0, CPU)
    assert trainer.epoch(loader) == 35
    first = trainer.mean_loss
    for _ in range(4):
        trainer.epoch(loader)
    assert trainer.mean_loss < first


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


def test_ratios_are_taken_round_by_round() -> None:
    assert measure.ratio([10, 20, 90], [10, 10, 30]) == (2, 1, 3)


def test_programs_run_in_turn_and_the_first_round_only_warms_up() -> None:
    calls: list[str] = []

    def program(name: str) -> int:
        calls.append(name)
        return 100

    speeds = measure.in_turn({"a": lambda: program("a"), "b": lambda: program("b")}, 3, CPU)
    assert "".join(calls) == "ba" + "ab" + "ba" + "ab"
    assert {name: len(values) for name, values in speeds.items()} == {"a": 3, "b": 3}


def test_a_table_names_what_it_was_measured_on() -> None:
    table = Table("Speed", {"CPU": "a CPU", "batch": 16}, ["", "median"], [["trial", 1234.5], ["other", 0.98765]])
    assert table.markdown().splitlines()[2:] == [
        "a CPU, batch 16",
        "",
        "|  | median |",
        "| --- | ---: |",
        "| trial | 1234 |",
        "| other | 0.988 |",
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["aten::mkldnn_convolution", "aten::conv2d", "epoch"], "convolution"),
        (["autograd::engine::evaluate_function: ConvolutionBackward0", "epoch"], "convolution"),
        (["aten::native_batch_norm_backward", "epoch"], "batch norm"),
        (["aten::max_pool2d_with_indices", "epoch"], "pooling"),
        (["aten::addmm", "epoch"], "matrix products"),
        (["aten::threshold_backward", "epoch"], "ReLU, additions, other elementwise"),
        (["aten::add_", "epoch"], "ReLU, additions, other elementwise"),
        (["aten::copy_", "aten::to", "epoch"], "copies and casts"),
        (["aten::mul", "Optimizer.step#AdamW.step", "epoch"], limit.OPTIMIZER),
        (["aten::mul", limit.LOSS, "epoch"], limit.LOSS),
        (["aten::copy_", limit.DATA, "epoch"], limit.DATA),
        (["epoch"], limit.PYTHON),
        (["aten::randperm", "epoch"], limit.OTHER),
    ],
)
def test_an_operator_counts_where_it_runs_or_else_by_its_name(names: list[str], expected: str) -> None:
    assert limit.group(names) == expected


def test_times_of_a_group_add_up() -> None:
    times = [(["aten::add", "epoch"], 1.0), (["aten::mul", "epoch"], 2.0), (["aten::empty", "epoch"], 0.0)]
    assert limit.by_group(iter(times)) == {"ReLU, additions, other elementwise": 3.0}


def test_a_process_knows_its_peak_memory() -> None:
    assert 1e7 < memory.peak_bytes(CPU) < 1e12


def test_a_turnover_is_from_a_result_to_the_next_first_step() -> None:
    last = {"ended_at": 10.0}
    kept = {
        "saved_at": 10.5,
        "reset_at": 10.75,
        "asked_at": 11.0,
        "first_step": 12.0,
        "stepped_at": 12.5,
        "ended_at": 20.0,
    }
    new = {"asked_at": 25.0, "first_step": 28.0, "stepped_at": 30.0}
    found = turnover_searches.turnovers([last, kept, new])
    reused = {
        "result to saved": 0.5,
        "to reset": 0.25,
        "to asked": 0.25,
        "to first step": 1.0,
        "the step": 0.5,
        "in all": 2.0,
    }
    assert found == [reused, {"to asked": 5.0, "to first step": 3.0, "the step": 2.0, "in all": 8.0}]
    assert turnover_searches.medians(found[1:]) == [None, None, 5.0, 3.0, 2.0]


def test_every_part_makes_its_tables(
    small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit, "SIZES", {"cpu": (64,)})
    monkeypatch.setattr(limit, "WORK", {"cpu": 1})
    monkeypatch.setattr(limit, "PROFILED_STEPS", 1)
    small = ["--store", str(small_store.path), "--arch", "resnet18", "--threads", "1", "-n", "1", "--photos", "16"]
    file = tmp_path / "tables.json"
    parts = ["conventional", "pipeline", "constant", "deterministic", "limit"]
    assert trial_throughput.main([*small, "--part", *parts, "--workers", "0", "--json", str(file)]) == 0
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
    assert ", ".join(throughput_parts.PARTS) in text
    assert trial_throughput.numbers("0,1,2") == [0, 1, 2]
