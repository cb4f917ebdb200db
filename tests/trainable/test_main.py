import pytest
import torch

from common.errors import OptionError
from tests.helpers.relabelled import relabelled
from trainable.__main__ import main
from trainable.best import load_best

SMALL = ["model/arch=resnet18", "train/batch_size=64"]


def test_one_trial_prints_a_line_an_epoch_and_goes_on_from_its_folder(small_store, tmp_path, capsys):
    command = [
        "--data",
        str(small_store.path),
        "--set",
        *SMALL,
        "--weights",
        "none",
        "--out",
        str(tmp_path),
        "--device",
        "cpu",
    ]
    main([*command, "--epochs", "1"])
    main([*command, "--epochs", "2"])
    lines = capsys.readouterr().out.splitlines()
    begun = [["task:", "mask"], ["seed", "42;"]]
    assert [line.split()[:2] for line in lines] == [*begun, ["epoch", "1"], *begun, ["epoch", "2"]]
    assert (tmp_path / "best.safetensors").is_file()


def test_a_trial_trains_on_the_bands_of_its_store_unless_told_otherwise(small_store, tmp_path, monkeypatch, capsys):
    store = relabelled(small_store, tmp_path / "store", small_store.index, bands=(25, 40))
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    command = ["--data", f"file://{store.path}", "--weights", "none", "--device", "cpu", "--epochs", "1"]
    main([*command, "--out", str(tmp_path / "a"), "--set", *SMALL])
    assert "store: copied from file://" in capsys.readouterr().out
    main([*command, "--out", str(tmp_path / "b"), "--set", *SMALL, "labels/old_from=41"])
    labels = [load_best(tmp_path / name / "best.safetensors")[0].labels for name in "ab"]
    assert [(each.young_below, each.old_from) for each in labels] == [(25, 40), (25, 41)]


@pytest.mark.parametrize(
    ("setting", "message"), [("train/seed", "KEY=VALUE is needed"), ("train/seed=x", "a value of type int is needed")]
)
def test_a_setting_that_cannot_be_read_is_named(small_store, setting, message):
    with pytest.raises(OptionError, match=message):
        main(["--data", str(small_store.path), "--set", setting])


def test_a_deterministic_run_gives_the_same_numbers_again(small_store, capsys):
    command = ["--data", str(small_store.path), "--weights", "none", "--device", "cpu", "--epochs", "1"]
    try:
        for _ in range(2):
            main([*command, "--deterministic", "--arch", "resnet18", "--set", "train/batch_size=64"])
            assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    first, second = (line.split("photos/s")[0].rsplit(maxsplit=1)[0] for line in _epochs(capsys))
    assert first == second


def _epochs(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
