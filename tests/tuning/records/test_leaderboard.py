import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tuning.records import leaderboard
from tuning.records.rows import Row, ranked, rows

SETTINGS = {"schedule/max_lr": 0.0123, "crop/height": 360, "loss/smoothing_weight": 1.0}


def row(trial: str, best: float | None, status: str = "finished") -> Row:
    epoch = None if best is None else 3
    return Row(trial, status, best, epoch, None, 3 if best else 0, 61.0, SETTINGS)


def shown(rows: list[Row], width: int) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(leaderboard.table(rows, "Title", width))
    return console.export_text().splitlines()


def test_what_is_written_is_read_again_best_first(tmp_path: Path) -> None:
    three = [row("trial-001", 0.25), row("trial-002", None, "failed"), row("trial-003", 0.1 + 0.2, "stopped")]
    leaderboard.write(tmp_path, three)
    assert leaderboard.read(tmp_path) == [three[2], three[0], three[1]]


def test_a_narrow_terminal_shows_the_scores_whole_and_says_what_it_hides() -> None:
    lines = shown([row("trial-001", 0.5, "interrupted")], 80)
    assert lines[1].split() == ["trial", "status", "epoch", "val", "F1", "best", "at", "min", "max_lr", "height"]
    assert lines[2].split()[:4] == ["trial-001", "interrupted", "3", "0.500"]
    assert "1 more settings are in leaderboard.csv" in lines[3]


def test_a_wide_one_shows_every_setting() -> None:
    lines = shown([row("trial-001", 0.5)], 120)
    assert lines[1].split()[-3:] == ["max_lr", "height", "smoothing_weight"]
    assert lines[2].split()[-3:] == ["0.0123", "360", "1"]


@dataclass
class RaysTrial:
    name: str
    val_f1_best: float
    status: str = "TERMINATED"

    def __str__(self) -> str:
        return self.name

    @property
    def last_result(self) -> dict[str, Any]:
        return {"training_iteration": 9, "val_f1_best": self.val_f1_best, "done": True}


def test_equal_scores_rank_by_the_start_of_their_trials_whatever_order_ray_has_them_in() -> None:
    """After a resume Ray's is another one."""
    trials: Any = [RaysTrial("trial-1000", 0.5), RaysTrial("trial-004", 0.5), RaysTrial("trial-003", 0.6)]
    assert [row.trial for row in ranked(rows(trials, [], 9))] == ["trial-003", "trial-004", "trial-1000"]
