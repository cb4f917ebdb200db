"""The card says what ensemble.json knows, no more, and what the model is not for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ensemble.model.card import card
from ensemble.model.description import Description
from ensemble.model.load import load

pytestmark = pytest.mark.usefixtures("_small_networks")

TEST = {
    "photos": 120,
    "best_single": {"f1": 0.605, "low": 0.53, "high": 0.673, "classes_seen": 14, "classes": 18, "thin": 2},
    "ensemble": {"f1": 0.626, "low": 0.557, "high": 0.704, "classes_seen": 14, "classes": 18, "thin": 2},
    "gain": {"gain": 0.021, "low": -0.01, "high": 0.052},
    "by_factor": {"mask": 0.91, "gender": 0.8, "age": {"f1": 0.7, "low": 0.61, "high": 0.78}},
}


@pytest.fixture
def described(written: Path) -> Description:
    return load(written / "model").description


def told(described: Description, **figures: Any) -> str:
    return card(replace(described, figures={**described.figures, **figures}), "model/")


def test_val_is_told_as_too_high_and_beside_the_nested_estimate(described: Description) -> None:
    said = told(described)
    assert "| val, by which the members were chosen: too high | 0.631 | |" in said
    assert "| val, nested: on people by whom it was not chosen | 0.562 | |" in said
    assert "Test was not opened for it" in said and "opened once" not in said


def test_test_is_told_with_intervals_and_how_often_it_was_opened(described: Description) -> None:
    said = told(described, test=TEST, test_opened=3)
    assert "| test, 120 photos of people on whom nothing was tuned | 0.626 | 0.557 to 0.704 |" in said
    assert "| the best single member on test | 0.605 | 0.530 to 0.673 |" in said
    assert "Test of its search was opened 3 times, and the more often" in said
    assert "On the same people it is +0.021 from its best single member, -0.010 to +0.052." in said
    assert "Test has photos of 14 of 18 classes" in said and "2 of the classes rest on one person." in said
    for line in ("| mask | 0.910 | |", "| gender | 0.800 | |", "| age band | 0.700 | 0.610 to 0.780 |"):
        assert line in said
    assert "was opened once." in told(described, test=TEST, test_opened=1)


def test_a_search_whose_test_was_opened_for_another_choice_says_so(described: Description) -> None:
    said = told(described, test=None, test_opened=2)
    assert "Test was not opened for it" in said and "was opened 2 times" in said


def test_a_refit_says_of_whom_vals_figures_are(described: Description) -> None:
    again = "trained again on train and val together; val's figures are of those before"
    assert again in told(described, refit=True) and again not in told(described)


def test_it_says_what_it_is_not_for_what_it_was_trained_on_and_how_it_is_used(described: Description) -> None:
    said = told(described)
    for text in (
        "Not for identifying people",
        "Not for decisions about a person",
        "Gender and age are what is annotated in the data",
        "python -m ensemble.predict model/ PHOTOS",
        'model = load("model/")',
        f"Store {described.trained_on['store_hash']}.",
        "| train | 42 | 6 |",
        "| `trial-001` | resnet18 | 0.750 | 1.00 | 23x23 | 23x23 |",
        "- age band: <30, 30-59, >=60",
        "Its background is kept.",
    ):
        assert text in said, text


def test_a_name_cannot_change_the_cards_table(described: Description) -> None:
    odd = replace(described.members[0], name="a`|<b>\n# x")
    said = card(replace(described, members=(odd, *described.members[1:])), "model/")
    assert "| `a'/<b>\\n# x` | resnet18 |" in said
