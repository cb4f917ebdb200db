import pytest

from common.errors import OptionError
from tuning.plan.resources import Resources, share, share_again, share_nodes


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


def test_on_unequal_machines_a_trial_takes_no_more_cores_than_each_of_them_has_for_a_gpu() -> None:
    assert share_nodes([(32, 2), (8, 1), (96, 8)]) == Resources(cpus=8, gpus=1, concurrent=11)


def test_a_head_without_a_gpu_neither_runs_trials_nor_lends_them_its_cores() -> None:
    assert share_nodes([(64, 0), (8, 1), (8, 1)]) == Resources(cpus=8, gpus=1, concurrent=2)


def test_what_does_not_fit_on_a_machine_is_not_counted() -> None:
    assert share_nodes([(8, 1), (4, 1)], cpus_per_trial=6) == Resources(cpus=6, gpus=1, concurrent=1)
    assert share_nodes([(3, 0), (3, 0)], cpus_per_trial=2) == Resources(cpus=2, gpus=0, concurrent=2)
    assert share_nodes([(16, 3), (16, 3)], gpus_per_trial=2) == Resources(cpus=16, gpus=2, concurrent=2)


def test_a_fraction_is_of_one_gpu() -> None:
    assert share(16, 2, gpus_per_trial=0.4) == Resources(cpus=4, gpus=0.4, concurrent=4)


def test_machines_without_a_gpu_are_shared_as_one_is() -> None:
    assert share_nodes([(2, 0), (16, 0)]) == Resources(cpus=1, gpus=0, concurrent=18)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"gpus_per_trial": 3}, "--gpus-per-trial 3: there are 2 GPUs on the machine that has most"),
        ({"cpus_per_trial": 20}, "--cpus-per-trial 20: between 1 and the 16 cores of the largest machine for such"),
    ],
)
def test_a_trial_larger_than_every_machine_is_refused(asked: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        share_nodes([(64, 0), (16, 2), (8, 2)], **asked)


def test_a_cluster_without_a_core_is_refused() -> None:
    with pytest.raises(OptionError, match="no machine of the cluster has a CPU core"):
        share_nodes([])


@pytest.mark.parametrize(
    ("nodes", "had", "gets"),
    [
        ([(8, 0)], Resources(2, 0, 1), Resources(2, 0, 4)),  # a larger machine changes no trial
        ([(1, 0)], Resources(2, 0, 1), Resources(1, 0, 1)),
        ([(3, 0)], Resources(8, 0, 1), Resources(3, 0, 1)),
        ([(8, 2)], Resources(8, 4, 1), Resources(8, 2, 1)),
        ([(4, 0)], Resources(8, 1, 5), Resources(4, 0, 1)),  # on the CPU
        ([(4, 0)], Resources(2, 0.5, 2), Resources(2, 0, 2)),
        ([(4, 1)], Resources(2, 0.5, 8), Resources(2, 0.5, 2)),
        ([(64, 0), (4, 1)], Resources(8, 1, 5), Resources(4, 1, 1)),  # the cores beside a GPU
    ],
)
def test_a_search_that_goes_on_with_less_gives_trials_what_there_is(
    nodes: list[tuple[int, int]], had: Resources, gets: Resources
) -> None:
    assert share_again(nodes, had) == gets
