import numpy as np
import pytest
import torch

from trainable.epoch import first_batch


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"augment__cutmix": 0.5, "augment__erasing": 0.5},
        {"train__balance": 1.0, "crop__resize": 0.5},
        {"train__folds": 3, "train__fold": 1},
        {"train__refit": 1},
    ],
)
def test_the_first_batch_is_what_the_network_sees_first(small_trial, small_config, small_store, changes):
    trial, seen = small_trial(**changes), []
    trial.model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    trial.run_epoch()
    photos = first_batch(small_config(**changes), small_store, most=16)
    assert photos.shape == (16, *trial.preprocessing.size, 3)
    std, mean = (torch.tensor(each) for each in (trial.preprocessing.std, trial.preprocessing.mean))
    colours = (seen[0][:16].permute(0, 2, 3, 1) * std + mean).clamp(0, 1).mul(255).round().numpy()
    assert np.abs(colours - photos).max() <= 1  # a trial's compiled code rounds otherwise than torch's operators


def test_a_batch_may_be_smaller_than_what_is_asked_for(small_config, small_store):
    assert len(first_batch(small_config(train__batch_size=8), small_store, most=16)) == 8
