"""A trial's end is not held up by a checkpoint that nobody will resume from."""

from collections.abc import Callable
from pathlib import Path

from data_prep.store import Store
from tests.tuning.curve_trial import CurveTrial
from tuning import search
from tuning.plan import Plan


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
