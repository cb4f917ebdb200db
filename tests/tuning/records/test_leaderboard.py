import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.search_folder import LEADERBOARD
from data_prep.store.store import Store
from tests.tuning.helpers.plans import begin
from tuning.command.ending.finish import finish
from tuning.plan.plan import Plan
from tuning.records import leaderboard
from tuning.records.rows import Row, from_json, ranked, rows, to_json

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
    assert lines[2].split()[:4] == ["trial-001*", "interrupted", "3", "0.500"]
    assert "1 more setting is in leaderboard.csv" in lines[3]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (58, ["trial", "status", "epoch", "val", "F1", "best", "at", "min"]),
        (45, ["trial", "status", "epoch", "val", "F1", "best"]),
        (40, ["trial", "status", "epoch", "best"]),
        (30, ["trial", "status", "best"]),
        (20, ["trial", "best"]),
    ],
)
def test_what_does_not_fit_is_left_out_and_nothing_is_cut(width: int, columns: list[str]) -> None:
    lines = shown([row("trial-001", 0.068)], width)
    assert lines[1].split() == columns
    assert "trial-001" in lines[2]
    assert "0.068" in lines[2].split()
    assert all(len(line) <= width for line in lines[:3])


def test_the_best_trial_has_a_star_wherever_it_stands_and_a_failed_one_has_none() -> None:
    rows = [row("trial-001", 0.3, "running"), row("trial-002", 0.9, "failed"), row("trial-003", 0.5), row("x", None)]
    assert [line.split()[0] for line in shown(rows, 80)[2:6]] == ["trial-001", "trial-002", "trial-003*", "x"]


def test_a_long_name_is_cut_between_words_and_one_that_does_not_fit_leaves_its_place_to_the_next() -> None:
    long = {"schedule/max_learning_rate_of_head": 0.1, "loss/smoothing_weight": 1.0, "crop/height": 360}
    lines = shown([replace(row("trial-001", 0.5), settings=long)], 120)
    assert lines[1].split()[-3:] == ["max_learning\N{HORIZONTAL ELLIPSIS}", "smoothing_weight", "height"]
    assert shown([replace(row("trial-001", 0.5), settings=long)], 70)[1].split()[-1] == "height"


def test_settings_that_are_equal_in_every_trial_make_room_for_those_that_differ() -> None:
    two = [row("trial-001", 0.5), row("trial-002", 0.4)]
    two[1] = replace(two[1], settings={**SETTINGS, "loss/smoothing_weight": 2.0})
    lines = shown(two, 78)
    assert lines[1].split()[-1] == "smoothing_weight"
    assert [line.split()[-1] for line in lines[2:4]] == ["1", "2"]
    assert " ".join(" ".join(lines[4:]).split()) == (
        "2 more settings are in leaderboard.csv, 2 of them equal in every trial"
    )


def test_the_interval_of_the_best_score_is_shown_where_everything_else_has_its_place() -> None:
    one = replace(row("trial-001", 0.5), low=0.41, high=0.588)
    wide, narrow, old = shown([one], 120), shown([one], 84), shown([row("trial-001", 0.5)], 120)
    assert wide[1].split()[:9] == ["trial", "status", "epoch", "val", "F1", "best", "95%", "at", "min"]
    assert wide[2].split()[3:7] == ["0.500", "0.410", "to", "0.588"]
    assert "95%" not in narrow[1] and narrow[1].split()[-1] == "height"
    assert "95%" not in old[1]


def test_the_interval_is_kept_and_a_file_of_a_version_without_it_is_read(tmp_path: Path) -> None:
    two = [replace(row("trial-001", 0.5), low=0.41, high=0.588), row("trial-002", None, "failed")]
    leaderboard.write(tmp_path, two)
    assert leaderboard.read(tmp_path) == two
    before = pd.read_csv(tmp_path / LEADERBOARD).drop(columns=["low", "high"])
    assert leaderboard.of_csv(before.to_csv(index=False).encode()) == [replace(two[0], low=None, high=None), two[1]]
    before["low"] = "high"
    with pytest.raises(ValueError, match="high"):
        leaderboard.of_csv(before.to_csv(index=False).encode())


def test_a_state_of_a_version_without_intervals_is_read() -> None:
    kept = to_json(replace(row("trial-001", 0.5), low=0.41, high=0.588))
    assert from_json(kept).high == 0.588
    del kept["low"], kept["high"]
    assert from_json(kept) == row("trial-001", 0.5)


def test_a_choice_in_brackets_is_no_markup() -> None:
    one = replace(row("trial-001", 0.5), settings={"crop/kind": "[bold]x[/]"})
    assert shown([one], 120)[2].split()[-1] == "[bold]x[/]"
    title = leaderboard.table([one], "weekend [1]").title
    assert Text.from_markup(title).plain == "weekend [1]"


def test_a_wide_one_shows_every_setting() -> None:
    lines = shown([row("trial-001", 0.5)], 120)
    assert lines[1].split()[-3:] == ["max_lr", "height", "smoothing_weight"]
    assert lines[2].split()[-3:] == ["0.0123", "360", "1"]


@dataclass
class RaysTrial:
    name: str
    val_f1_best: float
    status: str = "TERMINATED"
    config: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def last_result(self) -> dict[str, Any]:
        return {"training_iteration": 9, "val_f1_best": self.val_f1_best, "done": True}


def test_equal_scores_rank_by_the_start_of_their_trials_whatever_order_ray_has_them_in() -> None:
    """After a resume Ray's is another one."""
    trials: Any = [RaysTrial("trial-1000", 0.5), RaysTrial("trial-004", 0.5), RaysTrial("trial-003", 0.6)]
    assert [row.trial for row in ranked(rows(trials, [], 9))] == ["trial-003", "trial-004", "trial-1000"]


def test_of_a_table_that_is_wider_than_the_terminal_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(leaderboard, "console", lambda: Console(width=20))
    wide = Table(box=None)
    for name in ("trial", "above next", "seeds"):
        wide.add_column(name, no_wrap=True)
    wide.add_row("trial-003", "0.84", "0.601 0.612 0.623")
    leaderboard.show(wide)
    assert capsys.readouterr().out.split() == [
        *("trial", "above", "next", "seeds", "trial-003", "0.84", "0.601", "0.612", "0.623")
    ]


def test_at_the_end_its_title_is_a_line_of_its_own(
    make_plan: Callable[..., Plan], small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan()
    begin(plan, small_store.hash)
    assert finish(plan, []) == 0
    first, title, *_ = capsys.readouterr().out.splitlines()
    assert (first, title.rstrip()) == ("", "Leaderboard of age_bands")
