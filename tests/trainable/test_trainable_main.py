import pytest
import torch

from errors import OptionError
from trainable.__main__ import main

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
    assert [line.split()[:2] for line in lines[::2]] == [["seed", "42;"], ["seed", "42;"]]
    assert [line.split()[:2] for line in lines[1::2]] == [["epoch", "1"], ["epoch", "2"]]
    assert (tmp_path / "best.safetensors").is_file()


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
