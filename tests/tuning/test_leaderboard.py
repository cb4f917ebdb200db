import io
from pathlib import Path

from rich.console import Console

from tuning import leaderboard
from tuning.rows import Row

SETTINGS = {"schedule/max_lr": 0.0123, "crop/height": 360, "loss/smoothing_weight": 1.0}


def row(trial: str, best: float | None, status: str = "finished") -> Row:
    epoch = None if best is None else 3
    return Row(trial, status, best, epoch, None, 3 if best else 0, 61.0, SETTINGS)


def shown(rows: list[Row], width: int) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(leaderboard.table(rows, "Title", width))
    return console.export_text().splitlines()


def test_what_is_written_is_read_again_best_first(tmp_path: Path) -> None:
    rows = [row("trial-001", 0.25), row("trial-002", None, "failed"), row("trial-003", 0.1 + 0.2, "stopped")]
    leaderboard.write(tmp_path, rows)
    assert leaderboard.read(tmp_path) == [rows[2], rows[0], rows[1]]


def test_a_narrow_terminal_shows_the_scores_whole_and_says_what_it_hides() -> None:
    lines = shown([row("trial-001", 0.5, "interrupted")], 80)
    assert lines[1].split() == ["trial", "status", "epoch", "val", "F1", "best", "at", "min", "max_lr", "height"]
    assert lines[2].split()[:4] == ["trial-001", "interrupted", "3", "0.500"]
    assert "1 more settings are in leaderboard.csv" in lines[3]


def test_a_wide_one_shows_every_setting() -> None:
    lines = shown([row("trial-001", 0.5)], 120)
    assert lines[1].split()[-3:] == ["max_lr", "height", "smoothing_weight"]
    assert lines[2].split()[-3:] == ["0.0123", "360", "1"]
