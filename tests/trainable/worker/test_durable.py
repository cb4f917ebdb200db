"""A worker's checkpoints and reports: whole, checked, and never the reason that a trial is lost."""

import os
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import ReportError
from trainable import checkpoint
from trainable.worker.durable import DurableTrainable


class Counting(DurableTrainable):
    """Counts epochs; its checkpoints are the real ones."""

    def setup(self, config: dict[str, Any]) -> None:
        self.epoch, self.killed = 0, False

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.epoch = 0
        return True

    def step(self) -> dict[str, Any]:
        self.epoch += 1
        return {"val_f1": self.config.get("val_f1", 0.5), "val_f1_best": 0.5}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        checkpoint.save({"epoch": self.epoch, "padding": "x" * 5000}, Path(checkpoint_dir), flushed=False)
        if self.killed:
            raise KeyboardInterrupt

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        self.epoch = checkpoint.load(Path(checkpoint_dir))["epoch"]


class Storage(SimpleNamespace):
    """What a worker asks of Ray's storage context."""

    def __init__(self, folder: Path) -> None:
        super().__init__(trial_fs_path=str(folder), storage_filesystem=None, index=-1)

    def _update_checkpoint_index(self, metrics: dict[str, Any]) -> None:
        self.index += 1

    def persist_artifacts(self) -> None: ...

    @property
    def checkpoint_fs_path(self) -> str:
        return f"{self.trial_fs_path}/checkpoint_{self.index:06d}"


def worker(folder: Path, **config: Any) -> Counting:
    made = Counting(config)
    made._storage = Storage(folder)  # as Ray's actor has it; without Ray there is none
    return made


def trained(folder: Path, epochs: int) -> tuple[Counting, Any]:
    """A worker that has trained and saved so many epochs, and what its last save returned."""
    made = worker(folder)
    for _ in range(epochs):
        made.train()
        saved = made.save()
    return made, saved


def damaged(file: Path, number: int) -> None:
    """Even numbers cut the file short, odd ones flip a bit, each elsewhere."""
    source = random.Random(number)
    if number % 2 == 0:
        os.truncate(file, source.randrange(file.stat().st_size))
        return
    content = bytearray(file.read_bytes())
    content[source.randrange(len(content))] ^= 1 << source.randrange(8)
    file.write_bytes(content)


@pytest.mark.parametrize("number", range(20))
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_gone_on_from(tmp_path: Path, number: int) -> None:
    _, saved = trained(tmp_path, 3)
    damaged(tmp_path / "checkpoint_000002/state.pt", number)
    again = worker(tmp_path)
    again.restore(saved)
    assert (again.epoch, again.iteration) == (2, 2)
    assert "checkpoint_000002 cannot be used" in (tmp_path / "trial.log").read_text()
    assert again.train()["training_iteration"] == 3


def test_a_checkpoint_of_version_0_4_which_does_not_say_how_far_it_was_is_gone_on_from(tmp_path: Path) -> None:
    _, saved = trained(tmp_path, 2)
    for file in tmp_path.glob("checkpoint_*/progress.json"):
        file.unlink()
    again = worker(tmp_path)
    again.restore(saved)
    assert (again.epoch, again.iteration) == (2, 2)


@pytest.mark.parametrize("name", ["manifest.json", "state.pt"])
def test_a_checkpoint_that_lacks_a_file_is_not_used(tmp_path: Path, name: str) -> None:
    _, saved = trained(tmp_path, 2)
    (tmp_path / "checkpoint_000001" / name).unlink()
    again = worker(tmp_path)
    again.restore(saved)
    assert (again.epoch, again.iteration) == (1, 1)


def test_without_any_whole_checkpoint_the_trial_begins_anew_and_says_so(tmp_path: Path) -> None:
    _, saved = trained(tmp_path, 2)
    for file in tmp_path.glob("checkpoint_*/state.pt"):
        os.truncate(file, 10)
    again = worker(tmp_path)
    again.restore(saved)
    assert (again.epoch, again.iteration) == (0, 0)
    assert "the trial begins anew" in (tmp_path / "trial.log").read_text()


def test_a_worker_killed_while_it_saves_leaves_no_checkpoint_and_nothing_for_long(tmp_path: Path) -> None:
    made, saved = trained(tmp_path, 1)
    made.train()
    made.killed = True
    with pytest.raises(KeyboardInterrupt):
        made.save()
    assert [each.name for each in tmp_path.glob("checkpoint_*")] == ["checkpoint_000000"]
    again = worker(tmp_path)
    again._storage.index = 0
    again.restore(saved)
    again.train()
    again.save()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["checkpoint_000000", "checkpoint_000001"]
    assert again.epoch == 2


def test_a_checkpoint_of_an_epoch_that_was_lost_with_the_driver_is_replaced(tmp_path: Path) -> None:
    _, saved = trained(tmp_path, 1)
    lost = tmp_path / "checkpoint_000001"
    lost.mkdir()
    (lost / "left").touch()
    again = worker(tmp_path)
    again._storage.index = 0
    again.restore(saved)
    again.train()
    again.save()
    assert not (lost / "left").exists()
    assert checkpoint.load(lost)["epoch"] == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1, None, "0.5"])
def test_a_score_that_is_no_number_from_0_to_1_is_an_error_of_the_trial(tmp_path: Path, value: Any) -> None:
    made = worker(tmp_path, val_f1=value)
    with pytest.raises(ReportError, match="val_f1: a number from 0 to 1 is needed after every epoch, but got "):
        made.train()
