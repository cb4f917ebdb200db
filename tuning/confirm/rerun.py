"""Trains the best trials of a search again at full length, as a search of its own: runs/<search>/confirm/."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution

from common import files, search_folder
from common.errors import OptionError, SearchError
from common.search_record import FOLD, SEED
from common.wording import counted
from data_prep.store.store import Store
from tuning.confirm import statistics, verdict
from tuning.confirm.statistics import Candidate, Confirmation
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.spaces import Space
from tuning.records import search_json
from tuning.records.rows import Row, ranked
from tuning.storage import home, naming


def plan_of(
    search: Plan, rows: Sequence[Row], k: int, seeds: int | None, folds: int | None
) -> tuple[Plan, dict[str, Any]]:
    """The plan that confirms the `k` best of a search's trials with fresh `seeds` or on person-grouped `folds`.

    Run by run, not candidate by candidate: interrupted, it has still compared all of them.

    Returns:
        the plan, and what search.json says of it beside ("confirms"), for `report`.

    Raises:
        OptionError: the search has fewer trials that can be compared.
        SearchError: it has none.
    """
    chosen = best(rows, k, "--confirm")
    runs = list(range(folds)) if folds else [search.seed + n for n in range(1, (seeds or 1) + 1)]
    key = FOLD if folds else SEED
    points = [{**row.settings, key: run} for run in runs for row in chosen]
    varied: dict[str, BaseDistribution] = {**search.space.distributions, key: IntDistribution(min(runs), max(runs))}
    fixed = {**search.space.fixed, **({"train/folds": folds} if folds else {})}
    settings = {name: value for name, value in {**search.settings, **fixed}.items() if name != key}
    place = naming.new_home(home.of(search), "confirm", None)
    plan = dataclasses.replace(
        search,
        folder=place.folder,
        remote=place.uri,
        space=Space("confirm", f"The {len(chosen)} best of {search.name}, again.", varied, fixed, points),
        settings=settings,
        budget=Budget(trials=len(points)),
        grace=search.epochs,
        keep=len(points),
    )
    candidates = [{"name": row.trial, "searched": row.val_f1_best, "settings": row.settings} for row in chosen]
    return plan, {"key": key, "runs": runs, "trials": len(rows), "candidates": candidates}


def report(folder: Path, rows: Sequence[Row], store: Store) -> Confirmation:
    """Compare what the confirmation in `folder` trained, and write its confirmation.json.

    Raises:
        SearchError: a candidate has no run that ended, or runs that cannot be compared.
    """
    about = search_json.read(folder).confirms or {}
    found = statistics.read_runs(folder, store)
    ended = [row for row in rows if row.status == "finished" and row.trial in found]
    candidates = [
        Candidate(each["name"], each["searched"], tuple(found[row.trial] for row in ended if _is_of(row, each, about)))
        for each in about["candidates"]
    ]
    result = statistics.confirm(candidates, store.classes(), store.person, store.task, trials=about["trials"])
    files.write_json(folder / search_folder.CONFIRMATION, verdict.to_json(result))
    return result


def best(rows: Sequence[Row], k: int, option: str) -> list[Row]:
    """The k best trials whose settings differ; `option` asked for them.

    Raises:
        OptionError: there are fewer. SearchError: there is none.
    """
    distinct: list[Row] = []
    for row in ranked(rows):
        if row.val_f1_best and row.status != "failed" and all(row.settings != other.settings for other in distinct):
            distinct.append(row)
    if not distinct:
        raise SearchError("no trial finished an epoch, so there is nothing to train again")
    if k > len(distinct):
        raise OptionError(
            f"{option} {k}: the search has {counted(len(distinct), 'different trial')} to choose from; name fewer"
        )
    return distinct[:k]


def _is_of(row: Row, candidate: dict[str, Any], about: dict[str, Any]) -> bool:
    return {key: value for key, value in row.settings.items() if key != about["key"]} == candidate["settings"]
