"""A refit votes in the place of what was chosen, and by the same rule; what is not there is one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.errors import EnsembleError
from data_prep.store.store import Store
from ensemble.selection.choice import Choice, Chosen, Step
from ensemble.selection.derived.refitted import refitted
from ensemble.selection.options import Options
from ensemble.voting.tta import views
from tests.ensemble.confirmations import A, B, leave, record
from tests.tuning.helpers.plans import begin, small_plan

POINTS = [{**A, "train/epochs": 5}, {**B, "train/epochs": 3}]


@pytest.fixture
def search(tmp_path: Path, small_store: Store) -> Path:
    """A search with two trials, and a confirmation."""
    plan = small_plan(tmp_path, small_store)
    begin(plan, small_store.hash)
    for number, settings in enumerate((A, B), start=1):
        leave(plan.folder / f"trial-00{number}", small_store, settings)
    record(plan.folder / "confirm", [])
    return plan.folder


def chosen(*members: tuple[str, list[Path]]) -> Choice:
    """Choose these members, the first with three quarters of the weight."""
    weights = (0.75, 0.25) if len(members) == 2 else (1.0,)
    made = tuple(Chosen(name, tuple(folders), 0.6, w, 1.2) for (name, folders), w in zip(members, weights, strict=True))
    step = Step("best single trial", 0.6, 0.5, None, True)
    return Choice(made, made[0], None, views(2), Options(), (step,), 9, "hash")


def refit(folder: Path, store: Store, of: list[list[str]], *status: str) -> None:
    """Write a refit, whose first points are these members'."""
    members = [{"name": "", "folders": each, "settings": point} for each, point in zip(of, POINTS, strict=False)]
    trials: list[tuple[str, str, dict[str, Any]]] = []
    for number, (each, point) in enumerate(zip(status, POINTS, strict=False), start=1):
        trials.append((f"trial-00{number}", each, point))
        leave(folder / f"trial-00{number}", store, {**point, "train/refit": 1})
    record(folder, trials, refits={"members": members})


def test_each_member_is_its_refit_with_weight_and_temperature_as_they_were(search: Path, small_store: Store) -> None:
    folds = ["confirm/trial-001", "confirm/trial-003"]
    choice = chosen(("trial-001", [search / "trial-001"]), ("confirm/trial-004", [search / each for each in folds]))
    refit(search / "refit", small_store, [["trial-001"], folds], "finished", "finished")
    found = refitted(choice)
    assert [member.folders for member in found.members] == [
        (search / "refit/trial-001",),
        (search / "refit/trial-002",),
    ]
    back = [replace(new, folders=old.folders) for new, old in zip(found.members, choice.members, strict=True)]
    assert replace(found, members=tuple(back)) == choice


def test_of_two_refits_the_newest_one_that_has_the_member_votes(search: Path, small_store: Store) -> None:
    refit(search / "refit", small_store, [["trial-001"], ["trial-002"]], "finished", "finished")
    refit(search / "refit-2", small_store, [["trial-002"]], "finished")
    found = refitted(chosen(("a", [search / "trial-001"]), ("b", [search / "trial-002"])))
    assert [m.folders for m in found.members] == [(search / "refit/trial-001",), (search / "refit-2/trial-001",)]


def test_a_member_of_another_search_is_refitted_there(search: Path, small_store: Store, tmp_path: Path) -> None:
    other = search.rename(tmp_path / "other")
    refit(other / "refit", small_store, [["trial-002"]], "finished")
    [member] = refitted(chosen(("other/trial-002", [other / "trial-002"]))).members
    assert member.folders == (other / "refit/trial-001",)


def test_a_member_of_models_of_several_searches_is_none_that_can_be_refitted(search: Path, tmp_path: Path) -> None:
    with pytest.raises(EnsembleError, match="the models of a are of several searches; choose anew"):
        refitted(chosen(("a", [search / "trial-001", tmp_path / "other/trial-001"])))


@pytest.mark.parametrize(
    ("of", "status", "said"),
    [
        (None, [], "trial-002 is not refitted yet, which is done by: python tune_main.py --resume {} --refit"),
        ([["trial-001"]], ["finished"], "trial-002 is not refitted yet, which is done by: "),
        ([["trial-002"]], ["interrupted"], "trial-002 is not refitted to the end yet: python tune_main.py --resume {}"),
        ([["trial-002"]], [], "trial-002 is not refitted to the end yet: "),
        ([["trial-002"]], ["failed"], "trial-002 is not refitted yet, "),
    ],
)  # fmt: skip
def test_a_refit_that_is_not_there_or_has_not_ended_is_one_line_with_the_command(
    of: list[list[str]] | None, status: list[str], said: str, search: Path, small_store: Store
) -> None:
    if of is not None:
        refit(search / "refit", small_store, of, *status)
    with pytest.raises(EnsembleError) as raised:
        refitted(chosen(("trial-002", [search / "trial-002"])))
    assert str(raised.value).startswith(f"--refit: {said.format(search)}") and "\n" not in str(raised.value)


def test_a_refit_whose_weights_are_gone_is_not_used(search: Path, small_store: Store) -> None:
    refit(search / "refit", small_store, [["trial-002"]], "finished")
    (search / "refit/trial-001/best.safetensors").unlink()
    with pytest.raises(EnsembleError, match="trial-002 is not refitted yet"):
        refitted(chosen(("trial-002", [search / "trial-002"])))


def test_a_damaged_record_of_a_refit_is_one_line(search: Path) -> None:
    (search / "refit").mkdir()
    (search / "refit/search.json").write_text("{")
    with pytest.raises(EnsembleError, match=r"refit cannot be read .* move it away, and refit again"):
        refitted(chosen(("trial-002", [search / "trial-002"])))
