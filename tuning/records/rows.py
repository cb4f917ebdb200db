"""One trial as people see it, in the live table and on the leaderboard."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.tune.experiment import Trial

STATUS = {"RUNNING": "running", "PENDING": "waiting", "PAUSED": "waiting", "ERROR": "failed"}
ENDED = ("finished", "stopped", "failed")
INTERVAL = ("low", "high")


@dataclass(frozen=True)
class Row:
    """Attributes:
    status: waiting, running, finished (all its epochs), stopped (by ASHA), failed, or interrupted (by Ctrl-C or the
        budget: it can go on).
    val_f1: of the last epoch; val_f1_best: of the best so far, at epoch best_epoch. None before the first epoch.
    seconds: spent training and validating.
    low, high: 95% interval of val_f1_best over val's people; None where no worker has said it.
    settings: flat key -> value of what the search varies.
    """

    trial: str
    status: str
    val_f1_best: float | None
    best_epoch: int | None
    val_f1: float | None
    epochs: int
    seconds: float
    settings: dict[str, Any]
    low: float | None = None
    high: float | None = None


def row(trial: Trial, keys: Iterable[str], max_epochs: int) -> Row:
    result = trial.last_result or {}
    epochs = int(result.get("training_iteration", 0))
    return Row(
        trial=str(trial),
        status=STATUS.get(trial.status) or _how_it_ended(result, epochs, length(trial, max_epochs)),
        val_f1_best=result.get("val_f1_best"),
        best_epoch=result.get("best_epoch"),
        val_f1=result.get("val_f1"),
        epochs=epochs,
        seconds=float(result.get("time_total_s", 0.0)),
        settings={key: setting(trial.config, key) for key in keys},
        low=result.get("val_f1_low"),
        high=result.get("val_f1_high"),
    )


def length(trial: Trial, max_epochs: int) -> int:
    """Epochs of a trial that is never stopped: in a refit each has a length of its own."""
    return int(trial.config.get("train", {}).get("epochs", max_epochs))


def to_json(row: Row) -> dict[str, Any]:
    return dataclasses.asdict(row)


def from_json(about: Mapping[str, Any]) -> Row:
    """The row that `to_json` wrote; what else the mapping holds is left aside. Raises KeyError: it lacks something that
    every version writes."""
    names = [each.name for each in dataclasses.fields(Row)]
    kept: dict[str, Any] = {name: about.get(name) if name in INTERVAL else about[name] for name in names}
    return Row(**kept)


def _how_it_ended(result: dict[str, Any], epochs: int, max_epochs: int) -> str:
    """How a trial ended that Ray calls TERMINATED: on Ctrl-C every running one is, but only an ended one is done."""
    if "diverged" in result:
        return "failed"
    if not result.get("done"):
        return "interrupted"
    return "finished" if epochs >= max_epochs else "stopped"


def rows(trials: Iterable[Trial], keys: Iterable[str], max_epochs: int) -> list[Row]:
    """A row a trial in the order that they were started, not Ray's after a resume: equal scores rank by it."""
    return sorted((row(trial, keys, max_epochs) for trial in trials), key=lambda each: (len(each.trial), each.trial))


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Best first; trials without a result last."""
    return sorted(rows, key=lambda row: -1.0 if row.val_f1_best is None else row.val_f1_best, reverse=True)


def setting(config: dict[str, Any], key: str) -> Any:
    """A searched value in the nested config that OptunaSearch hands to trials."""
    group, name = key.split("/")
    return config[group][name]


def short(value: object) -> str:
    """Write a setting's value for a table: a fraction with three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
