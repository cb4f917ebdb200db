"""Who is chosen, and whether what is said of it holds: on drawn people whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from common.errors import OptionError
from data_prep.store.store import Store
from ensemble.selection import told
from ensemble.selection.candidates import Candidate
from ensemble.selection.choice import Choice, Chosen
from ensemble.selection.choosing import _members, choose
from ensemble.selection.nested import judge
from ensemble.selection.options import Options
from ensemble.selection.recipe import by_size
from tests.ensemble.searches import sure_of
from tests.ensemble.selection.drawn import Population, f1, pool_of
from trainable.photos.views import View
from trainable.predict import Probabilities
from trainable.recipe.metrics import macro_f1


def test_the_gain_that_is_told_is_the_gain_on_fresh_people_within_its_interval() -> None:
    """In nine of ten repeats, for votes of two that 60 people chose; fresh are 800 others."""
    for method in ("greedy", "top"):
        held = []
        for seed in range(10):
            population = Population(seed)
            pool, fresh = population.draw(60, seed=100 + seed), population.draw(800, seed=200 + seed)
            single, vote = judge(pool, lambda part, method=method: by_size(part, method, 2))
            gain, truth = vote.gain(pool, single), f1(fresh, vote.rule) - f1(fresh, single.rule)
            assert gain is not None
            held.append(gain.low <= truth <= gain.high)
        assert sum(held) >= 9, (method, held)


def test_a_vote_of_models_that_make_the_same_errors_is_not_chosen() -> None:
    pool = pool_of(np.arange(60) % 3, [(np.arange(60) + (np.arange(60) % 5 == 0)) % 3] * 4, 3)
    found = [Candidate(str(n), (), 0.8, each) for n, each in enumerate(pool.probabilities)]
    members, steps = _members(pool, Options(method="top"), found)
    assert len(members) == 1
    assert [(step.name, step.used) for step in steps] == [
        ("best single trial, 0", True), ("vote of 2", False), ("vote of 3", False), ("vote of 4", False)
    ]  # fmt: skip
    assert all(step.gain is not None and step.gain.value == 0 for step in steps[1:])


def drawn(store: Store, rights: Sequence[np.ndarray], sure: float = 0.9) -> list[Candidate]:
    """Candidates that are right on some of val's photos, and one class off elsewhere."""
    truth = store.classes()[store.labelled("val")]
    found = [sure_of(np.where(right, truth, (truth + 1) % 18), 18, sure) for right in rights]
    return [
        Candidate(f"trial-{n:03d}", (Path(f"trial-{n:03d}"),), macro_f1(truth, each.argmax(axis=1)), each)
        for n, each in enumerate(found, 1)
    ]


def no_views(chosen: Sequence[Chosen], views: tuple[View, ...]) -> Probabilities:
    raise AssertionError("a model was run")


@pytest.fixture
def photos(small_store: Store) -> np.ndarray:
    return np.arange(len(small_store.labelled("val")))


def test_what_clearly_helps_votes_and_no_model_is_run_without_views(small_store: Store, photos: np.ndarray) -> None:
    found = drawn(small_store, [photos % 4 != n for n in range(3)])
    for method in ("greedy", "top", "weights"):
        choice = choose(found, small_store, Options(method, tta=1), no_views)
        assert len(choice.members) >= 2
        assert sum(member.weight for member in choice.members) == pytest.approx(1)
        assert choice.nested_f1 is not None and choice.nested_f1 > choice.steps[0].on_val
        assert choice.views == (View(),) and choice.class_weights is None
        assert not any("No vote beats" in line for line in told.table(choice, 18, 12))


def test_when_no_vote_beats_the_best_member_that_is_said(small_store: Store, photos: np.ndarray) -> None:
    found = drawn(small_store, [photos % 4 != 0] * 3)
    choice = choose(found, small_store, Options("top", tta=1), no_views)
    assert [member.name for member in choice.members] == ["trial-001"]
    assert told.table(choice, 18, 12)[-1] == "No vote beats trial-001 on people it was not chosen by."


def test_members_that_are_named_vote_whatever_val_says(small_store: Store, photos: np.ndarray) -> None:
    found = drawn(small_store, [photos % 9 != 0, photos % 2 == 0, photos % 3 == 0])
    options = Options.of({"members": ("trial-003", "trial-001"), "tta": 1})
    choice = choose(found, small_store, options, no_views)
    assert {member.name: member.weight for member in choice.members} == {"trial-003": 0.5, "trial-001": 0.5}
    assert choice.single.name == "trial-001"
    alone = choose(found, small_store, Options.of({"members": ("trial-002",), "tta": 1}), no_views)
    assert [member.name for member in alone.members] == ["trial-002"] and len(alone.steps) == 1
    with pytest.raises(OptionError, match="--members trial-009: no such candidate; name some of trial-001, trial-002"):
        choose(found, small_store, Options.of({"members": ("trial-001", "trial-009")}), no_views)


def chosen_with_views(store: Store, right: np.ndarray, shown: np.ndarray) -> Choice:
    """One candidate that is right where `right` says, and where `shown` says with several views."""
    truth = store.classes()[store.labelled("val")]
    asked = []

    def seen(chosen: Sequence[Chosen], views: tuple[View, ...]) -> Probabilities:
        asked.append(([each.name for each in chosen], len(views)))
        return sure_of(np.where(shown, truth, (truth + 1) % 18), 18)[None]

    choice = choose(drawn(store, [right]), store, Options(tta=3), seen)
    assert asked == [(["trial-001"], 3)]
    return choice


def test_views_are_used_where_they_help_people_they_were_not_chosen_by(small_store: Store, photos: np.ndarray) -> None:
    better = chosen_with_views(small_store, photos % 2 == 0, photos % 7 != 0)
    assert len(better.views) == 3 and better.last_used.name == "3 views of each photo"
    worse = chosen_with_views(small_store, photos % 7 != 0, photos % 2 == 0)
    assert len(worse.views) == 1 and worse.last_used.name == "best single trial, trial-001"


def test_temperatures_help_a_vote_in_which_the_wrong_one_is_too_sure(small_store: Store, photos: np.ndarray) -> None:
    good = drawn(small_store, [photos % 8 != 0], sure=0.6)[0]
    loud = drawn(small_store, [photos % 2 != 0], sure=0.999)[0]
    names = {"members": ("trial-001", "loud"), "tta": 1}
    found = [good, Candidate("loud", loud.folders, loud.val_f1, loud.probabilities)]
    choice = choose(found, small_store, Options.of({**names, "temperature": True}), no_views)
    temperatures = {member.name: member.temperature for member in choice.members}
    assert choice.steps[-1].name == "a temperature for each member" and choice.steps[-1].used
    assert temperatures["loud"] > 1 > temperatures["trial-001"]


def test_class_weights_are_used_where_a_model_neglects_a_class(small_store: Store, photos: np.ndarray) -> None:
    """It says class 1 with 0.45 and class 0 with 0.55 wherever one of them is right."""
    truth = small_store.classes()[small_store.labelled("val")]
    says = sure_of(truth, 18, 0.98)
    first = np.unique(truth)[:2]
    for number, share in zip(first, ((0.7, 0.3), (0.55, 0.45)), strict=True):
        says[truth == number] = 0.02 / 16
        says[np.ix_(truth == number, first)] = np.array(share) * 0.98
    found = [Candidate("trial-001", (Path("trial-001"),), macro_f1(truth, says.argmax(axis=1)), says)]
    choice = choose(found, small_store, Options(tta=1, calibrate_classes=True), no_views)
    assert choice.steps[-1].used and choice.class_weights is not None and choice.val_f1 == 1
    plain = choose(drawn(small_store, [photos % 5 != 0]), small_store, Options(tta=1, calibrate_classes=True), no_views)
    assert not plain.steps[-1].used and plain.class_weights is None
