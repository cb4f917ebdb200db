import pytest

from errors import OptionError
from tuning.resources import Resources, share


def test_five_gpus_run_five_trials_that_share_the_cores() -> None:
    assert share(40, 5) == Resources(cpus=8, gpus=1, concurrent=5)


def test_without_a_gpu_up_to_four_trials_share_the_cores() -> None:
    assert share(1, 0) == Resources(cpus=1, gpus=0, concurrent=1)
    assert share(2, 0) == Resources(cpus=1, gpus=0, concurrent=2)
    assert share(16, 0) == Resources(cpus=4, gpus=0, concurrent=4)


def test_a_fraction_of_a_gpu_packs_trials_on_it() -> None:
    assert share(16, 1, gpus_per_trial=0.25) == Resources(cpus=4, gpus=0.25, concurrent=4)


def test_cores_can_be_the_limit() -> None:
    assert share(8, 4, cpus_per_trial=4) == Resources(cpus=4, gpus=1, concurrent=2)


def test_fewer_cores_than_gpus_still_give_each_trial_one() -> None:
    assert share(2, 4) == Resources(cpus=1, gpus=1, concurrent=2)


@pytest.mark.parametrize(
    ("cpus", "gpus", "asked", "message"),
    [
        (8, 0, {"gpus_per_trial": 1}, "--gpus-per-trial 1: there is no GPU here"),
        (8, 2, {"gpus_per_trial": 3}, "there are 2 GPUs here"),
        (8, 2, {"gpus_per_trial": 1.5}, "a fraction up to 1 or a whole number"),
        (8, 0, {"gpus_per_trial": -1}, "a fraction up to 1 or a whole number"),
        (8, 0, {"cpus_per_trial": 9}, "--cpus-per-trial 9: between 1 and the 8 cores"),
    ],
)
def test_more_than_there_is_is_refused(cpus: int, gpus: int, asked: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        share(cpus, gpus, **asked)
