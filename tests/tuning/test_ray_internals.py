"""The private names of Ray that the driver uses are there in the installed Ray, and do what we rely on."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.distributions import FloatDistribution
from ray import tune
from ray._private import node, ray_constants, services, worker
from ray.train import Checkpoint
from ray.train._internal.session import _TrainingResult
from ray.train._internal.storage import StorageContext
from ray.tune.execution import class_cache
from ray.tune.execution.tune_controller import TrialRunnerWrapper, TuneController
from ray.tune.experiment import Experiment, Trial
from ray.tune.search import SearchGenerator
from ray.tune.search.optuna import OptunaSearch

from common.security import own_ray
from tests.tuning.helpers.processes import alive
from tuning import ray_internals
from tuning.algorithms.asha import Asha


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorageContext:
    monkeypatch.setattr("ray.train._internal.storage._get_ray_train_session_dir", lambda: str(tmp_path / "session"))
    return StorageContext(storage_path=str(tmp_path / "runs"), experiment_dir_name="mine", trial_dir_name="trial-001")


@pytest.fixture
def trial(storage: StorageContext) -> Trial:
    return Trial("trainable", stub=True, storage=storage, max_failures=3)


@pytest.fixture
def checkpoints(trial: Trial, tmp_path: Path) -> list[str]:
    """The paths of three checkpoints that Ray holds of the trial."""
    paths = [str(tmp_path / f"checkpoint_00000{number}") for number in range(3)]
    for path in paths:
        trial.run_metadata.checkpoint_manager.register_checkpoint(_TrainingResult(Checkpoint(path), metrics={}))
    return paths


def test_a_trial_lies_in_the_searchs_folder_and_ray_works_beside(trial: Trial, tmp_path: Path) -> None:
    assert ray_internals.folder_of(trial) == tmp_path / "runs/mine/trial-001"
    assert ray_internals.working_folder(trial).name == "driver_artifacts"


def test_a_trials_worker_has_no_variables_of_its_own_which_would_start_python_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(class_cache, "DEFAULT_ENV_VARS", {"PL_DISABLE_FORK": "1"})
    monkeypatch.setattr(class_cache, "ENV_VARS_TO_PROPAGATE", {"PATH"})
    given = [class_cache._ActorClassCache().get(type("RayTrial", (), {}))._default_options["runtime_env"]]
    ray_internals.start_workers_once()
    given.append(class_cache._ActorClassCache().get(type("RayTrial", (), {}))._default_options["runtime_env"])
    assert [set(each.get("env_vars", {})) for each in given] == [{"PL_DISABLE_FORK", "PATH"}, set()]


def test_what_a_trial_diverged_of_is_in_its_last_result(trial: Trial) -> None:
    assert ray_internals.diverged(trial) is None
    trial.update_last_result({"training_iteration": 1, "diverged": "loss became nan"})
    assert ray_internals.diverged(trial) == "loss became nan"


def test_a_trials_worker_is_the_one_that_ray_gave_it(trial: Trial) -> None:
    assert ray_internals.worker_of(trial) is None
    trial.temporary_state.ray_actor = "worker"
    assert ray_internals.worker_of(trial) == "worker"


def test_ray_ends_a_trial_by_the_failures_that_are_counted(trial: Trial) -> None:
    assert trial.should_recover()
    ray_internals.count_failures(trial, 4)
    assert (trial.num_failures, trial.should_recover()) == (4, False)
    ray_internals.forget_failures(trial)
    assert (trial.num_failures, trial.should_recover()) == (0, True)


def test_ray_forgets_the_checkpoints_it_is_told_to(trial: Trial, checkpoints: list[str]) -> None:
    assert ray_internals.checkpoints_of(trial) == checkpoints
    assert ray_internals.latest_checkpoint(trial) == checkpoints[-1]
    ray_internals.forget_checkpoints(trial, but=set(checkpoints[1:]))
    assert ray_internals.checkpoints_of(trial) == checkpoints[1:]


def test_a_trial_that_is_to_save_no_more_has_no_checkpoint_due(trial: Trial) -> None:
    trial.run_metadata.checkpoint_manager.checkpoint_config.checkpoint_frequency = 1
    trial.last_result["training_iteration"] = 1
    assert trial.should_checkpoint()
    ray_internals.save_no_more(trial)
    assert not trial.should_checkpoint()


def test_a_trial_is_starting_when_its_worker_has_its_place(
    storage: StorageContext, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.cluster_resources", dict)
    controller = TuneController(search_alg=None, storage=storage, resource_manager_factory=SimpleNamespace)
    given = TrialRunnerWrapper(controller, None)
    assert not ray_internals.is_starting(given, trial)
    controller._trial_to_actor[trial] = "worker"
    monkeypatch.setattr(controller._actor_manager, "is_actor_started", lambda worker: worker == "worker")
    assert ray_internals.is_starting(given, trial)


def test_a_result_that_enters_the_rungs_counts_for_those_that_come_after(trial: Trial, storage: StorageContext) -> None:
    asha, other = Asha(epochs=9, grace=1, reduction=3), Trial("trainable", stub=True, storage=storage)
    for each in (trial, other):
        asha.on_trial_add(None, each)
    ray_internals.enter_rungs(asha, trial, 1, 0.9)
    assert asha.on_trial_result(None, other, {"training_iteration": 1, "val_f1": 0.1}) == Asha.STOP


def test_a_search_starts_as_many_trials_as_are_allowed_now_where_it_lies_now(
    storage: StorageContext, tmp_path: Path
) -> None:
    searcher = OptunaSearch({"x": FloatDistribution(0, 1)}, metric="val_f1", mode="max")
    generator = SearchGenerator(searcher)
    generator.add_configurations(
        Experiment("mine", tune.Trainable, num_samples=1, storage_path=storage.storage_fs_path)
    )
    ray_internals.allow_trials(generator, 2)
    ray_internals.renew_experiment(generator, tmp_path / "moved/there", {"shared": 1}, {"cpu": 3, "gpu": 0})
    trials = [generator.next_trial() for _ in range(3)]
    assert [each is None for each in trials] == [False, False, True]
    assert trials[0].storage.experiment_fs_path == str(tmp_path / "moved/there")
    assert trials[0].config["shared"] == 1
    trials[0].create_placement_group_factory()
    assert trials[0].placement_group_factory.required_resources == {"CPU": 3}


def test_the_study_knows_its_trials_by_rays_ids() -> None:
    searcher = OptunaSearch({"x": FloatDistribution(0, 1)}, metric="val_f1", mode="max")
    searcher.suggest("a")
    study, trials = ray_internals.study_of(searcher)
    assert (len(study.trials), list(trials)) == (1, ["a"])


def test_a_ray_that_is_ended_is_not_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    given = signature(node.Node.kill_all_processes).parameters
    assert {"check_alive", "allow_graceful"} <= given.keys()
    asked: list[dict[str, bool]] = []
    raylet = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    assert raylet.stdout is not None
    agent = int(raylet.stdout.readline())
    ours = SimpleNamespace(
        kill_all_processes=lambda **options: (asked.append(options), raylet.kill()),
        all_processes={ray_constants.PROCESS_TYPE_RAYLET: [SimpleNamespace(process=raylet)]},
    )
    monkeypatch.setattr(worker, "_global_node", ours)
    ray_internals.end_at_once()
    ours.kill_all_processes(check_alive=False, allow_graceful=True)
    assert asked == [{"check_alive": False, "allow_graceful": False}]
    assert raylet.wait() == -signal.SIGKILL
    assert alive([agent]) == []


def test_ray_alone_on_a_machine_listens_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    address: Callable[[], str] = services.get_node_ip_address
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", True)
    own_ray.listen_on_loopback_only()
    assert address() == "127.0.0.1"
