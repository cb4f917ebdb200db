import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from common.errors import CheckpointError
from trainable import best, checkpoint
from trainable.loop import train


def test_the_best_epoch_is_exported_as_others_read_it(small_trial, small_store, tmp_path):
    trial = small_trial(train__epochs=2)
    train(trial, lambda _: None, tmp_path)
    config, weights, about = best.load_best(tmp_path / "best.safetensors")
    assert config == trial.config == best.read_config(tmp_path / "best.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in trial.best.weights.items())
    assert about.pop("crop_frame") == "[512, 384]"
    assert about == {"epoch": trial.best.epoch, "val_f1": trial.best.val_f1, "store_hash": small_store.hash}
    with np.load(tmp_path / "val_predictions.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["probabilities"], trial.best.predictions)
        assert np.array_equal(arrays["rows"], small_store.rows("val"))
        assert str(arrays["store_hash"]) == small_store.hash
        assert (int(arrays["epoch"]), float(arrays["val_f1"])) == (trial.best.epoch, trial.best.val_f1)
        assert arrays["probabilities"].dtype == np.float32


def test_whoever_may_read_one_file_of_a_trial_may_read_the_others(small_trial, tmp_path):
    trial = small_trial()
    trial.run_epoch()
    trial.export_best(tmp_path)
    checkpoint.save(trial.state_dict(), tmp_path)
    (tmp_path / "trial.log").touch()
    modes = {file.name: oct(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(modes) == 5 and set(modes.values()) == {modes["trial.log"]}


def test_a_damaged_best_epoch_is_found(small_trial, tmp_path):
    trial = small_trial()
    trial.run_epoch()
    trial.export_best(tmp_path)
    file = tmp_path / "best.safetensors"
    whole = file.read_bytes()
    for content, message in (
        (whole[:-10] + b"x" + whole[-9:], "is damaged"),
        (whole[: len(whole) // 2], "cannot be read"),
        (b"", "cannot be read"),
    ):
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            best.load_best(file)
    with pytest.raises(CheckpointError, match="cannot be read"):
        best.load_best(tmp_path / "none.safetensors")


def test_weights_that_no_trial_wrote_are_not_a_best_epoch(tmp_path):
    save_file({"w": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="not of a trial of this version"):
        best.load_best(tmp_path / "w.safetensors")
    for name in ("w.safetensors", "none.safetensors"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            best.read_config(tmp_path / name)


def test_a_trial_without_an_epoch_has_nothing_to_export(small_trial, tmp_path):
    with pytest.raises(ValueError, match="before its first has finished"):
        small_trial().export_best(tmp_path)
