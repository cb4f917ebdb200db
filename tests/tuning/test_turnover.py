"""What a trial's end costs: no checkpoint that nobody will resume from, and no worker that is just starting."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_prep.store.store import Store
from tests.tuning.curve_trial import CurveTrial
from tuning import search
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan


class Counting(CurveTrial):
    """Writes down after which epochs it was asked for a checkpoint."""

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        super().save_checkpoint(checkpoint_dir)
        folder = Path(self._storage.trial_fs_path)
        with (folder / "saved.txt").open("a") as saved:
            saved.write(f"{self.iteration}\n")


def test_every_epoch_but_a_trials_last_is_checkpointed(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    plan = make_plan()
    rows = search.run(plan, small_store, Counting)
    assert {row.status for row in rows} == {"finished", "stopped"}
    for row in rows:
        file = plan.folder / row.trial / "saved.txt"
        saved = file.read_text().split() if file.exists() else []
        assert saved == [str(epoch) for epoch in range(1, row.epochs)]


class SecondComesLate(CurveTrial):
    """The first worker works when another has begun to start, which takes until three more trials have ended."""

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        search = self._folder().parent
        try:
            (search / "first").mkdir()
        except FileExistsError:
            (search / "second").mkdir(exist_ok=True)
            before = ended(search)
            while ended(search) < before + 3:
                time.sleep(0.05)

    def step(self) -> dict[str, Any]:
        search = self._folder().parent
        while not (search / "second").exists():
            time.sleep(0.05)
        if self.epoch == 1:
            (self._folder() / "worker").write_text(str(os.getpid()))
        return super().step()


def ended(search: Path) -> int:
    return len(list(search.glob("trial-*/worker")))


def test_a_worker_that_is_starting_keeps_its_trial_though_others_end(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    """Ray gives the trial to the worker that is free, stops the one that is starting, and begins another: while trials
    end sooner than a worker starts, no second one ever works."""
    plan = make_plan(budget=Budget(trials=8), epochs=2, grace=2)
    rows = search.run(plan, small_store, SecondComesLate)
    assert len({(plan.folder / row.trial / "worker").read_text() for row in rows}) == 2
