"""Bad input: one line that says what to do, exit code 2, nothing written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import pytest

import tune_main
from common.command_line import exit_code
from common.errors import MasktuneError
from data_prep.check import __main__ as check
from data_prep.store.store import Store
from ensemble import select_and_predict
from tests.helpers.relabelled import relabelled, without
from trainable.__main__ import main as trial_main

ROOT = Path(__file__).resolve().parents[1]
KNOWN = "age_bands, crop_sizes, loss_weights, recipe, scheduler_decay, or name a file of your own: ./my_space.py:SPACE"


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
    assert done.stderr == f"error: no such space: 'agebands'; did you mean age_bands? The known ones are {KNOWN}\n"
    assert done.stdout == ""


@pytest.mark.parametrize("main", [check.main, lambda words: tune_main.main(["--space", "recipe", "--data", *words])])
def test_a_link_that_leads_back_to_itself(main, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "loop").symlink_to("loop")
    assert "loop" in refused(capsys, main, "loop")


def test_a_place_for_searches_whose_name_is_no_text(small_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    there = ["--data", str(small_store.path), "--runs", "a\udcfcb", "--dry-run"]
    line = refused(capsys, tune_main.main, "--space", "age_bands", *there)
    assert line == "error: --runs a\\udcfcb: its name is not UTF-8; choose another"


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


def test_weights_that_cannot_be_had(small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--space", "age_bands", "--data", str(small_store.path), "--weights", "gone.safetensors"]
    assert "gone.safetensors: no such file of weights" in refused(capsys, tune_main.main, *arguments)
    assert not (tmp_path / "runs").exists()


def test_a_store_in_which_nobody_has_all_labels_of_its_task(
    small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = without(small_store, tmp_path / "masks", "gender", "age")
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(store.path))
    assert "none of its 252 train photos has all the labels that its task needs, mask x gender x age band, 18" in line
    assert "(no gender for 252, no age in one band for 252); add the labels" in line
    assert line == refused(capsys, trial_main, "--data", str(store.path))
    assert not (tmp_path / "runs").exists()


def test_a_space_of_other_age_bands_than_the_stores(
    small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = relabelled(small_store, tmp_path / "other", small_store.index, bands=(25, 40))
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(store.path))
    assert "varies labels/young_below over 27 .. 32, but the store's official age bands begin at 25 and 40" in line
    assert "--space ./my_space.py:SPACE" in line
    assert tune_main.main(["--space", "crop_sizes", "--data", str(store.path), "--dry-run"]) == 0
    assert "labels/old_from          40  (reference 60)" in capsys.readouterr().out


@pytest.mark.parametrize("main", ["search", "trial"])
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://host/x", "ftp://host/x: no such kind of address; name a folder, or one of s3://"),
        ("file:///nowhere", "file:///nowhere: no store is there"),
        ("s3://me:secret@bucket/x", "leave the password out of it"),
    ],
)
def test_addresses_without_a_store(
    main: str, uri: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    called = (trial_main, "--data", uri)
    if main == "search":
        called = (tune_main.main, "--space", "age_bands", "--data", uri)
    assert message in refused(capsys, *called)
    assert not (tmp_path / "runs").exists()


def test_a_search_folder_that_holds_another_search(
    small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path), "--name", "mine")
    assert "--resume runs/mine" in line


@pytest.mark.parametrize("place", ["file", "file/below", "link", "link/below", "/dev/null"])
@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=str)
def test_a_place_for_searches_that_is_no_folder(
    place: str, dry: list[str], small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("gone")
    there = ["--data", str(small_store.path), "--runs", place]
    line = refused(capsys, tune_main.main, "--space", "age_bands", *there, *dry)
    assert line.startswith(f"error: --runs {place}: /") and "is no folder, or a link to nothing; choose another" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trials", "0"], "--trials: more than 0 is needed, but got '0'"),
        (["--trials", "few"], "--trials: a number is needed, as in 20 or +20, but got 'few'"),
        (["--trials", "+20"], "--trials +20: there was no such limit to add to"),
        (["--hours", "0"], "--hours: more than 0 is needed, but got '0'"),
        (["--gpu-hours", "inf"], "--gpu-hours: less than 1,000,000,000 is needed, but got 'inf'"),
        (["--grace", "6"], "--grace: 1 <= grace <= epochs (5) must hold, but got 6"),
        (["--reduction", "1"], "--reduction: at least 2 is needed, but got 1"),
        (["--cpus-per-trial", "1000"], "--cpus-per-trial 1000: between 1 and the "),
        (["--trials", "9" * 40], "--trials: less than 1,000,000,000 is needed, but got '999"),
        (["--gpus-per-trial", "nan"], "--gpus-per-trial: a fraction up to 1 or a whole number is needed, but got nan"),
        (["--gpus-per-trial", "inf"], "--gpus-per-trial: a fraction up to 1 or a whole number is needed, but got inf"),
        (["--data", ""], "--data: a value is needed, but got ''"),
        (["--gpus-per-trial", "0.5"], "--gpus-per-trial 0.5: there is no GPU here"),
        (["--weights", "imagnet"], "model/weights: weights is imagenet, none, or a"),
        (["--seed", "-1"], "--seed: a whole number from 0 to 4294967295 is needed, but got '-1'"),
        (["--name", "a/b"], "--name: a plain folder name is needed, but got 'a/b'"),
        (["--confirm", "2", "--folds", "1"], "--folds: at least 2 is needed, but got 1"),
        (["--confirm", "2", "--folds", "3", "--seeds", "3"], "--seeds and --folds: choose one"),
        (["--install-packages"], "--install-packages is for the nodes of a cluster: name one, as in --address"),
        (["--address", "127.0.0.1:1"], "--address 127.0.0.1:1: no Ray cluster answers there"),
        (["--seeds", "3"], "--seeds and --folds say how to confirm: name how many trials, as in --confirm 3"),
    ],
)
def test_options_out_of_range(
    arguments: list[str],
    message: str,
    small_store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "one")  # and not the file that lies on this machine
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path), *arguments)
    assert message in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("option", ["--epochs", "--grace", "--reduction", "--keep", "--cpus-per-trial", "--confirm"])
def test_numbers_that_are_none(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, tune_main.main, "--space", "age_bands", option, "0")
    assert line == f"error: {option}: a whole number of at least 1 is needed, but got '0'"


def test_an_option_and_a_space_that_are_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, tune_main.main, "--spce", "x") == "error: --spce: no such option; did you mean --space?"
    line = refused(capsys, tune_main.main, "--space", "agebands")
    assert line == f"error: no such space: 'agebands'; did you mean age_bands? The known ones are {KNOWN}"
    line = refused(capsys, tune_main.main, "--space", "zzz")
    assert line == f"error: no such space: 'zzz'; the known ones are {KNOWN}"


def test_a_dry_run_leaves_the_cluster_alone(
    small_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    where = ["--data", str(small_store.path), "--address", "127.0.0.1:1", "--dry-run"]  # nothing answers there
    assert tune_main.main(["--space", "age_bands", *where]) == 0
    said = capsys.readouterr().out
    assert "as many trials at a time as fit on the cluster, which was not asked" in said
    assert re.search(r"at most \d\.\d GB on disk under .*: the weights of \d+ trials; and \d\.\d GB more", said)
    assert not (tmp_path / "runs").exists()
    line = refused(capsys, tune_main.main, "--space", "age_bands", *where, "--gpus-per-trial", "1.5")
    assert "--gpus-per-trial: a fraction up to 1 or a whole number is needed, but got 1.5" in line


def test_a_disk_that_is_too_small(
    small_store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1e9))
    line = refused(capsys, tune_main.main, "--space", "age_bands", "--data", str(small_store.path))
    assert re.search(r"--runs .*: \d+\.\d GB may be needed, but 1.0 GB are free; keep the weights of fewer", line)


def test_a_space_that_allows_crops_larger_than_the_photo(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(
        "from optuna.distributions import IntDistribution\n"
        "SPACE = {'crop/width': IntDistribution(200, 400)}\nSTART = [{'crop/width': 360}]\n"
    )
    line = refused(capsys, tune_main.main, "--space", str(tmp_path / "wide.py"))
    assert "its ranges allow {'crop/width': 400}, which is no valid trial: crop/width: 32 <= width <= 384 (all" in line


@pytest.mark.parametrize("arguments", [["--space", "age_bands"], ["--epochs", "9"], ["--seed", "1"], ["--keep", "2"]])
def test_a_resumed_search_keeps_what_it_began_with(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, tune_main.main, "--resume", "runs/x", *arguments)
    assert f"{arguments[0]} cannot change what runs/x began with; leave it out" in line


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
    assert "no trial has finished an epoch" in refused(capsys, select_and_predict.main)


def test_every_error_of_ours_is_a_masktune_error_with_a_place_in_the_tree() -> None:
    from common import errors

    for kind in MasktuneError.__subclasses__():
        assert kind.__name__ in (errors.__doc__ or "")
