from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Trial

from tuning.callbacks import sweeper as sweeping
from tuning.callbacks.sweeper import Sweeper


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "SETTLED", -1.0)
    monkeypatch.setattr(sweeping, "TICK", 0.0)


def trial(runs: Path, name: str, best: float, status: str = Trial.TERMINATED) -> Any:
    folder = runs / name
    (folder / "checkpoint_000003").mkdir(parents=True)
    for file in ("best.safetensors", "val_predictions.npz", "checkpoint_000003/state.pt"):
        (folder / file).touch()
    storage = SimpleNamespace(trial_fs_path=str(folder))
    return SimpleNamespace(
        trial_id=name,
        status=status,
        storage=storage,
        last_result={"val_f1_best": best, "done": status != Trial.RUNNING},
    )


def kept(runs: Path, pattern: str = "best.safetensors") -> list[str]:
    return sorted(file.parent.name for file in runs.glob(f"*/{pattern}"))


def test_an_ended_trial_loses_its_checkpoints_and_a_running_one_keeps_them(tmp_path: Path) -> None:
    trials = [
        trial(tmp_path, "ended", 0.5),
        trial(tmp_path, "failed", 0.4, Trial.ERROR),
        trial(tmp_path, "running", 0.1, Trial.RUNNING),
    ]
    Sweeper(keep=9).on_step_end(1, trials)
    assert kept(tmp_path, "checkpoint_*") == ["running"]
    assert kept(tmp_path) == ["ended", "failed", "running"]


def test_only_the_best_trials_keep_their_weights_and_all_keep_their_predictions(tmp_path: Path) -> None:
    sweeper = Sweeper(keep=2)
    trials = [trial(tmp_path, name, best) for name, best in (("a", 0.5), ("b", 0.3), ("c", 0.4))]
    sweeper.on_step_end(1, trials)
    assert kept(tmp_path) == ["a", "c"]
    trials.append(trial(tmp_path, "d", 0.6))
    sweeper.on_step_end(2, trials)
    assert kept(tmp_path) == ["a", "d"]
    assert kept(tmp_path, "val_predictions.npz") == ["a", "b", "c", "d"]


def test_a_running_trial_keeps_its_weights_however_bad(tmp_path: Path) -> None:
    Sweeper(keep=1).on_step_end(1, [trial(tmp_path, "a", 0.5), trial(tmp_path, "b", 0.1, Trial.RUNNING)])
    assert kept(tmp_path) == ["a", "b"]


def test_a_trial_that_has_just_ended_waits_for_rays_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "SETTLED", 60.0)
    sweeper, ended = Sweeper(keep=1), trial(tmp_path, "a", 0.5)
    sweeper.on_step_end(1, [ended])
    assert kept(tmp_path, "checkpoint_*") == ["a"]


def test_the_last_ones_to_end_are_ranked_too_when_the_search_does(tmp_path: Path) -> None:
    interrupted = trial(tmp_path, "c", 0.1)
    interrupted.last_result["done"] = False
    trials = [trial(tmp_path, "a", 0.5), trial(tmp_path, "b", 0.4), interrupted]
    Sweeper(keep=1).on_experiment_end(trials)
    assert kept(tmp_path) == ["a", "c"]
    assert kept(tmp_path, "checkpoint_*") == ["a", "b", "c"]
