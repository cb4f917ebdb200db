"""The ensemble's report holds every part, and its figures are those of the votes that it is made of."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.page.parts import Html
from data_prep.labels import MISSING
from data_prep.store.store import Store
from data_prep.task import Task
from ensemble.report import ages, certainty, members, mistakes, report, scores
from ensemble.report.intervals import gains
from ensemble.report.judged import Judged, Votes
from tests.ensemble.report.drawn import about, drawn_judged
from trainable.recipe.intervals import paired_difference
from trainable.recipe.metrics import macro_f1

SETTINGS = {
    "trial-003": {"crop/size": 360, "loss/smoothing": 0.1},
    "trial-001": {"crop/size": 512, "loss/smoothing": 0.1},
}


@pytest.fixture(scope="module")
def judged() -> Judged:
    return drawn_judged()


def figures(parts: list[Html]) -> list[dict[str, Any]]:
    """The charts of a section, as the page will draw them."""
    return [json.loads(text) for part in parts for text in re.findall(r"json\">(.*?)</script>", part)]


def test_the_report_has_every_part_and_is_one_file(judged: Judged, tmp_path: Path) -> None:
    report.write(tmp_path / "ensemble.html", "weekend", judged, about(), SETTINGS)
    text = (tmp_path / "ensemble.html").read_text()
    for heading in (
        "Score", "Members", "How it was chosen", "F1 of each factor", "F1 of each class", "Ensemble against trial-003",
        "What is taken for what", "How sure it is", "F1 by age", "The worst mistakes", "Made of",
    ):  # fmt: skip
        assert f">{heading}</h2>" in text
    assert "+0.020, +0.001 to +0.040" in text  # the interval of a step is the one that was kept
    assert text.count('class="plot"') == 10  # factors, classes, paired, three factors' matrices, all classes', ...
    wrong = judged.ensemble.guess != judged.truth
    assert text.count("data:image/jpeg") == min(mistakes.MOST, len(set(judged.person[wrong]))) > 3
    assert len(text) < 6_000_000


def test_scores_are_those_of_the_votes(judged: Judged) -> None:
    shown = "".join(scores.whole(judged).parts)
    for votes in judged.both:
        assert f'<td class="number">{macro_f1(judged.truth, votes.guess):.3f}</td>' in shown
    assert (
        str(paired_difference(judged.truth, judged.single.guess, judged.ensemble.guess, judged.person, Task())) in shown
    )


def test_each_class_has_its_own_f1_within_its_interval(judged: Judged) -> None:
    number = int(judged.truth[0])
    actual, guess = judged.truth == number, judged.ensemble.guess == number
    trace = figures(scores.classes(judged).parts)[0]["data"][0]
    low, high = decoded(trace["customdata"]).reshape(-1, 2)[number]
    assert decoded(trace["x"])[number] == pytest.approx(2 * (actual & guess).sum() / (actual.sum() + guess.sum()))
    assert low < decoded(trace["x"])[number] < high


def test_the_gain_of_all_classes_is_the_difference_of_the_scores(judged: Judged) -> None:
    trace = figures(scores.paired(judged).parts)[0]["data"][0]
    voted, alone = (votes.guess for votes in judged.both)
    whole = paired_difference(judged.truth, alone, voted, judged.person, Task())
    low, high = decoded(trace["customdata"]).reshape(-1, 2)[0]
    assert (decoded(trace["x"])[0], low, high) == pytest.approx((whole.gain, whole.low, whole.high))


def test_a_class_that_no_photo_has_has_no_dot() -> None:
    judged = drawn_judged(people=4)
    voted, alone = (votes.guess for votes in judged.both)
    found = gains(judged.truth, voted, alone, judged.person, judged.task)
    absent = ~np.isin(np.arange(18), judged.truth)
    assert absent.any() and (np.isnan(found.value[1:]) == absent).all()
    shown = decoded(figures(scores.classes(judged).parts)[0]["data"][0]["x"])
    assert (np.isnan(np.array(shown, dtype=float)) == absent).all()


def decoded(array: Any) -> Any:
    """Plotly's arrays travel as bytes."""
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]) if isinstance(array, dict) else array


def test_figures_on_val_come_with_their_warning() -> None:
    for split, said in (("val", "higher than new people will see"), ("test", "neither trained nor chose")):
        assert said in report.page("weekend", drawn_judged(people=4, split=split), about(), SETTINGS).lead


def test_settings_that_differ_are_listed_and_others_are_not() -> None:
    shown = "".join(members.section(about(), SETTINGS).parts)
    assert "crop/size" in shown and "360" in shown and "512" in shown and "smoothing" not in shown


def test_a_trial_may_have_any_name(judged: Judged) -> None:
    name = "<script>alert(1)</script>"
    named = replace(judged, single=Votes(name, judged.single.probabilities), names=np.full(len(judged.names), name))
    shown = [*report.page(name, named, about((name,)), {name: {name: name}}).sections]
    assert not any("<script>alert" in part for section in shown for part in section.parts)
    assert any("&lt;script&gt;alert" in part for section in shown for part in section.parts)


def test_pictures_can_be_left_out(judged: Judged) -> None:
    shown = "".join(mistakes.worst(replace(judged, pixels=None)).parts)
    assert "<img" not in shown and "<table>" in shown


def test_the_paired_comparison_counts_who_was_right(judged: Judged) -> None:
    shown = "".join(scores.paired(judged).parts)
    voted, alone = (votes.guess == judged.truth for votes in judged.both)
    assert f"both are right on {(voted & alone).sum()}, the ensemble alone on {(voted & ~alone).sum()}" in shown


def test_one_member_by_itself_is_compared_with_nobody(judged: Judged) -> None:
    alone = replace(judged, single=Votes("trial-003", judged.ensemble.probabilities))
    assert "nothing to compare" in "".join(scores.paired(alone).parts)


def test_people_whose_age_is_not_known_are_left_out_and_counted(judged: Judged) -> None:
    age = np.where(judged.person == judged.person[0], MISSING, judged.age)
    assert "1 person whose age in years is not known is left out" in "".join(
        ages.section(replace(judged, age=age)).parts
    )
    none = replace(judged, age=np.full(len(age), MISSING))
    assert "no ages in years" in "".join(ages.section(none).parts)


def test_a_matrix_of_each_factor_and_one_of_all(judged: Judged) -> None:
    assert [len(each["data"][0]["y"]) for each in figures(mistakes.matrices(judged).parts)] == [3, 2, 3, 18]


def test_a_task_of_one_factor_has_one_matrix() -> None:
    gender = drawn_judged(task=Task(("gender",)))
    assert [len(each["data"][0]["y"]) for each in figures(mistakes.matrices(gender).parts)] == [2]


def test_calibration_is_said_in_words(judged: Judged) -> None:
    assert re.search(r"ECE\): ensemble 0\.\d{3}, trial-003 0\.\d{3}", "".join(certainty.section(judged).parts))


def test_a_store_gives_truth_people_ages_and_pictures(small_store: Store) -> None:
    rows = small_store.labelled("val")
    votes = Votes("ensemble", np.full((len(rows), 18), 1 / 18, dtype=np.float32))
    judged = Judged.of_store(small_store, "val", rows, votes, votes)
    assert judged.people == 12 and set(judged.age) <= {20, 45, 60, 28, 33, 58}
    assert judged.pixels is not None and judged.pixels(np.array([1])).tolist() == small_store.read(rows[[1]]).tolist()
    assert Judged.of_store(small_store, "val", rows, votes, votes, pictures=False).pixels is None


def test_arrays_that_do_not_belong_together_are_refused(judged: Judged) -> None:
    with pytest.raises(ValueError, match="one length"):
        replace(judged, age=judged.age[1:])
    with pytest.raises(ValueError, match="ensemble: probabilities"):
        replace(judged, ensemble=Votes("ensemble", judged.ensemble.probabilities[:, :3]))
