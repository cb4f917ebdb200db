import numpy as np
import pytest

from data_prep.task import REFERENCE, Task
from trainable.recipe.intervals import Difference, Score, by_class, by_factor, interval, paired_difference
from trainable.recipe.metrics import macro_f1

AGE = Task(("age",))


def people(n: int, wrong: float, seed: int = 1):
    """So many people of one photo each, some of them a band off."""
    truth = np.arange(n) % 3
    return truth, np.where(np.random.default_rng(seed).random(n) < wrong, (truth + 1) % 3, truth), np.arange(n)


def test_the_interval_holds_the_score_and_repeats_itself():
    truth, predicted, person = people(60, 0.3)
    found = Score.of(truth, predicted, person, AGE)
    assert found.f1 == macro_f1(truth, predicted)
    assert found.low < found.f1 < found.high
    assert found == Score.of(truth, predicted, person, AGE)


def test_more_people_are_more_certain_by_the_root():
    wide, narrow = (Score.of(*people(n, 0.3), AGE) for n in (60, 960))
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(4, rel=0.3)


def test_few_people_without_a_mistake_do_not_prove_that_there_are_none():
    few, many = (Score.of(*people(n, 0), AGE) for n in (9, 900))
    assert (few.f1, few.high, many.high) == (1, 1, 1)
    assert few.low < 0.9
    assert 0.98 < many.low < 1


def test_the_interval_holds_the_score_even_where_all_resamples_are_to_one_side():
    assert interval(np.linspace(0.4, 0.5, 100), 0.9) == (pytest.approx(0.4, abs=0.01), 0.9)
    assert interval(np.linspace(0.4, 0.5, 100), 0.1)[0] == 0.1


def test_a_class_of_one_person_and_classes_that_are_not_seen_are_said():
    truth, person = [0, 0, 6, 1, 1, 7], ["a", "b", "b", "c", "d", "d"]
    found = Score.of(truth, truth, person, REFERENCE)
    assert (found.classes_seen, found.classes, found.thin) == (4, 18, 2)
    assert found.note == "4 of 18 classes seen, 2 classes rest on one person"
    assert found.low < 0.8  # a class that nobody showed is not known to be right


def test_a_score_with_nothing_against_it_has_no_note():
    assert Score.of(*people(6, 0), AGE).note == ""
    assert Score.of([0, 0, 1, 1, 2], [0, 0, 1, 1, 2], range(5), AGE).note == "1 class rests on one person"


def test_a_score_is_three_numbers_to_read():
    assert str(Score(0.605, 0.53, 0.6731, 14, 18, 0)) == "0.605  0.530 to 0.673"


@pytest.mark.parametrize(
    ("difference", "told_apart", "words"),
    [
        (Difference(0.012, -0.01, 0.034), False, "+.012, -.010 to +.034: not told apart"),
        (Difference(0.05, 0.01, 0.1), True, "+.050, +.010 to +.100: told apart"),
        (Difference(-0.05, -0.1, -0.01), True, "-.050, -.100 to -.010: told apart"),
        (Difference(1.0, 0.0, 1.0), False, "+1.000, +.000 to +1.000: not told apart"),
    ],
)
def test_a_difference_says_whether_two_models_are_told_apart(difference, told_apart, words):
    assert difference.told_apart is told_apart
    assert str(difference) == words


def test_two_models_are_compared_on_the_same_people_and_so_more_surely_than_each_by_itself():
    truth, first, person = people(300, 0.3)
    second = np.where(np.arange(300) % 10 == 0, truth, first)  # some of its mistakes made good
    found = paired_difference(truth, first, second, person, AGE)
    alone = Score.of(truth, first, person, AGE)
    assert found.gain == pytest.approx(macro_f1(truth, second) - macro_f1(truth, first))
    assert 0 < found.low < found.gain < found.high
    assert found.high - found.low < (alone.high - alone.low) / 1.5
    back = paired_difference(truth, second, first, person, AGE)
    assert (back.gain, back.low) == pytest.approx((-found.gain, -found.high), abs=0.01)


def test_few_people_of_whom_two_models_say_the_same_do_not_prove_that_the_models_are_alike():
    truth, predicted, person = people(24, 0.3)
    found = paired_difference(truth, predicted, predicted, person, AGE)
    assert found.gain == 0
    assert found.low < 0 < found.high
    assert not found.told_apart


def test_each_factor_has_a_score_of_its_own():
    truth = np.arange(180) % 18
    wrong_band = truth - truth % 3 + (truth + 1) % 3
    found = by_factor(truth, wrong_band, np.arange(180), REFERENCE)
    assert {factor: (score.f1, score.classes) for factor, score in found.items()} == {
        "mask": (1, 3),
        "gender": (1, 2),
        "age": (0, 3),
    }
    assert found["age"].high < 0.1 < 0.9 < found["gender"].low


def test_each_class_has_a_score_of_its_own_and_one_that_nobody_is_of_is_not_known():
    task = Task(("gender", "age"))
    truth, predicted = np.array([0, 0, 0, 1, 1, 3] * 5), np.array([0, 0, 0, 0, 1, 3] * 5)
    person = np.where(truth == 3, 0, np.arange(30))
    found = by_class(truth, predicted, person, task)
    # class 0: 15 hits of 15, taken for it 20; class 1: 5 hits of 10, taken for it 5
    assert [score.f1 for score in found] == pytest.approx([30 / 35, 2 / 3, np.nan, 1, np.nan, np.nan], nan_ok=True)
    assert [score.note for score in found] == [
        "",
        "",
        *["0 of 1 classes seen", "1 class rests on one person"] * 1,
        *["0 of 1 classes seen"] * 2,
    ]
    assert found[0].low < found[0].f1 < found[0].high
    assert found[2].low < 0.8 < found[2].high
    assert found[3].low < 0.9
