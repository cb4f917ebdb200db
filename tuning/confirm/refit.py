"""Trains chosen settings once more, on train and val together, as a search of its own: runs/<search>/refit/.

Each trains until the epoch that was its best, under the schedule it had: a function of the epoch, whatever the length.
Nobody is left to judge it by, and so a refit has no score. Test people stay unseen.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution
from rich.table import Table

from common import search_state
from common.command_line import python
from common.errors import OptionError, SearchError
from common.search_folder import ENSEMBLE, REFIT
from common.search_record import FOLD, SEED
from common.security.regular_file import read_json
from common.security.terminal import cell
from tuning.confirm.rerun import best
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.spaces import Point, Space
from tuning.records import leaderboard
from tuning.records.rows import Row
from tuning.storage import home, naming

EPOCHS = "train/epochs"


@dataclass(frozen=True)
class Chosen:
    """What is trained again.

    Attributes:
        name: of the trial, or of the member of the ensemble.
        epochs: the best epoch's number.
        settings: of the trial, as its search varied them.
        folders: of the models that it takes the place of, in the search's.
    """

    name: str
    epochs: int
    settings: Point
    folders: tuple[str, ...]


def best_trials(search: Plan, k: int) -> list[Chosen]:
    """Choose the `k` best trials of a search whose settings differ.

    Raises:
        OptionError: it has fewer. SearchError: it has none.
    """
    rows = best(leaderboard.read(search.folder), k, "--refit")
    return [Chosen(row.trial, int(row.best_epoch or 1), row.settings, (row.trial,)) for row in rows]


def members(search: Plan) -> list[Chosen]:
    """Choose the members of the search's ensemble.

    Raises:
        OptionError: none has been chosen yet, or one of them is nothing that can be trained.
        SearchError: ensemble.json cannot be read.
    """
    file = search.folder / ENSEMBLE
    try:
        named = [_named(member) for member in read_json(file)["members"]]
    except (FileNotFoundError, KeyError):
        raise OptionError(
            f"--refit: no ensemble has been chosen from {search.where} yet; choose it first ({python()} -m "
            f"ensemble.select_and_predict --search {search.where}), or say how many of the best: --refit 4"
        ) from None
    except (OSError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise SearchError(f"{file} cannot be read ({error}); choose the ensemble again, or name --refit 4") from None
    return [_member(search, name, folders) for name, folders in named]


def _named(member: dict[str, Any]) -> tuple[str, list[PurePosixPath]]:
    """A member's name and its models' folders, as ensemble.json has them; a version before named the trial alone."""
    if "trial" in member:
        return str(member["trial"]), [PurePosixPath(member["trial"])]
    return str(member["name"]), [PurePosixPath(model["folder"]) for model in member["folders"]]


def plan_of(search: Plan, chosen: Sequence[Chosen]) -> tuple[Plan, dict[str, Any]]:
    """The plan that trains what was `chosen` from a search, and what search.json says of it beside ("refits")."""
    varied: dict[str, BaseDistribution] = {**search.space.distributions, EPOCHS: _range(each.epochs for each in chosen)}
    points = [{**each.settings, EPOCHS: each.epochs} for each in chosen]
    if any(SEED in point for point in points):  # of trials that a confirmation trained
        points = [{SEED: search.seed, **point} for point in points]
        varied[SEED] = _range(point[SEED] for point in points)
    fixed = {key: value for key, value in search.space.fixed.items() if key not in varied} | {"train/refit": 1}
    settings = {key: value for key, value in search.settings.items() if key not in varied} | {"train/refit": 1}
    distinct = [point for number, point in enumerate(points) if point not in points[:number]]
    place, epochs = naming.new_home(home.of(search), REFIT, None), max(each.epochs for each in chosen)
    plan = dataclasses.replace(
        search,
        folder=place.folder,
        remote=place.uri,
        space=Space(REFIT, f"Trials of {search.name}, on train and val.", varied, fixed, distinct),
        settings=settings,
        budget=Budget(trials=len(distinct)),
        epochs=epochs,
        grace=epochs,
        keep=len(distinct),
    )
    refitted = [
        {"name": each.name, "folders": list(each.folders), "settings": point}
        for each, point in zip(chosen, points, strict=True)
    ]
    return plan, {"members": refitted}


def table(folder: str, rows: Sequence[Row], refits: dict[str, Any]) -> Table:
    """A rich table of a refit's trials in their order, without a score."""
    result = Table(
        title=cell(f"Refit of {folder}"), title_justify="left", header_style="bold", box=None, pad_edge=False
    )
    for name, justify in (("trial", "left"), ("of", "left"), ("status", "left"), ("epochs", "right"), ("min", "right")):
        result.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        of = ", ".join(str(each["name"]) for each in refits["members"] if each["settings"] == row.settings)
        epochs = f"{row.epochs} of {row.settings[EPOCHS]}"
        result.add_row(*map(cell, (row.trial, of, row.status, epochs, f"{row.seconds / 60:.1f}")))
    return result


def _member(search: Plan, name: str, folders: Sequence[PurePosixPath]) -> Chosen:
    """A member of the ensemble: a trial of the search, or one of its confirmations' that was trained with another seed,
    or on folds. Those of folds become one, as long as they were in the middle."""
    own = {each.name: each for each in search_state.own_searches(search.folder)} | {".": search.folder}
    found = [
        row
        for folder in folders
        if (place := own.get(str(folder.parent)))
        for row in leaderboard.read(place)
        if row.trial == folder.name and row.best_epoch
    ]
    if not folders or len(found) < len(folders):
        raise OptionError(
            f"--refit: {name}, which {ENSEMBLE} of {search.where} names, is no trial of this search that could be "
            "trained again; choose another ensemble, or say how many of the best: --refit 4"
        )
    settings = {key: value for key, value in found[0].settings.items() if key != FOLD}
    epochs = round(statistics.median(row.best_epoch or 1 for row in found))
    return Chosen(name, epochs, settings, tuple(map(str, folders)))


def _range(values: Any) -> IntDistribution:
    numbers = list(values)
    return IntDistribution(min(numbers), max(numbers))
