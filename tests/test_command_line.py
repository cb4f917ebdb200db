"""Bad input: one line that says what to do, exit code 2, nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest

import tune_main
from command_line import exit_code
from data_prep import store as stores
from data_prep.store import Store
from ensemble import select_and_predict
from errors import MasktuneError

ROOT = Path(__file__).resolve().parents[1]


def refused(capsys: pytest.CaptureFixture[str], main, *arguments: str) -> str:  # type: ignore[no-untyped-def]
    """The error line of a command that must be refused."""
    assert exit_code(lambda: main(list(arguments))) == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith("error: ")
    assert "\n" not in line
    return line


@pytest.fixture
def copied_store(small_store: Store, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_store.path, tmp_path / "store"))


def test_the_program_itself_prints_one_line_and_exits_with_2() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tune_main.py", "--space", "agebands"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: no such space: 'agebands'; the known ones are age_bands\n"
    assert done.stdout == ""


def test_no_space_and_no_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--space: name what to search" in refused(capsys, tune_main.main)
    assert "nowhere" in refused(capsys, tune_main.main, "--space", "age_bands", "--data", "nowhere")


def test_a_store_of_another_schema(copied_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meta = json.loads((copied_store / "store.json").read_text())
    (copied_store / "store.json").write_text(json.dumps({**meta, "schema": 99}))
    assert "schema" in refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(copied_store))


def test_a_shard_whose_hash_is_wrong(copied_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = copied_store / "images-00000.npy"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    assert "images-00000.npy" in refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(copied_store))


def test_gpus_on_a_machine_without_one(
    small_store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    line = refused(
        capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path), "--gpus-per-trial", "1"
    )
    assert "--gpus-per-trial 1: there is no GPU here" in line


def test_a_gpu_that_this_torch_has_no_kernels_for(
    small_store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "Tesla V100")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (7, 0))
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: ["sm_75", "sm_90"])
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path))
    assert "Tesla V100" in line
    assert "install torch>=2.8,<2.11" in line


def test_imagenet_weights_that_cannot_be_fetched(
    small_store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_network(*arguments: object, **options: object) -> None:
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    line = refused(
        capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path), "--weights", "imagenet"
    )
    assert "could not be fetched" in line
    assert "--weights none" in line


def test_crops_larger_than_the_photo(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = {"mask": "none", "gender": "male", "age": 20}
    index = pd.DataFrame([{"path": s, "person": s, "split": s, **row} for s in ("train", "val", "test")])
    stores.write(tmp_path / "small", np.zeros((3, 24, 16, 3), np.uint8), index, source_size=(240, 160))
    line = refused(
        capsys, tune_main.main, "--space", "age_bands", "--data", str(tmp_path / "small"), "--weights", "none"
    )
    assert "crop/height: at most the photo's own height of 240 px, but got 360" in line


def test_weights_that_cannot_be_had(small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--space", "age_bands", "--data", str(small_store.path), "--weights", "gone.safetensors"]
    assert "gone.safetensors: no such file of weights" in refused(capsys, tune_main.main, *arguments)
    assert not (tmp_path / "runs").exists()


def test_a_search_folder_that_holds_another_search(
    small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path), "--name", "mine")
    assert "--resume runs/mine" in line


def test_resuming_what_is_no_search(capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no search" in refused(capsys, tune_main.main, "--resume", "runs/nothing")


def test_an_ensemble_without_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    assert "runs holds no search; run one first" in refused(capsys, select_and_predict.main)
    assert "no search is there" in refused(capsys, select_and_predict.main, "--search", "runs/nothing")


def test_an_ensemble_from_a_search_with_no_finished_trial(
    small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    about = {"started": "2026", "store": {"path": str(small_store.path), "hash": small_store.hash}}
    (tmp_path / "runs" / "empty").mkdir(parents=True)
    (tmp_path / "runs" / "empty" / "search.json").write_text(json.dumps(about))
    assert "no trial that finished an epoch" in refused(capsys, select_and_predict.main)


def test_every_error_of_ours_is_a_masktune_error_with_a_place_in_the_tree() -> None:
    import errors

    for kind in MasktuneError.__subclasses__():
        assert kind.__name__ in (errors.__doc__ or "")
