import numpy as np
import pytest

from data_prep.task import REFERENCE, Task
from trainable.recipe import bootstrap
from trainable.recipe.bootstrap import bootstrap_f1, bootstrap_macro_f1

AGE, GENDER = Task(("age",)), Task(("gender",))


def photos(people: int, per_person: int):
    """Each person's photos are all right or all wrong."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(people) % 3, per_person)
    wrong = np.repeat(rng.random(people) < 0.3, per_person)
    return truth, np.where(wrong, (truth + 1) % 3, truth), np.repeat(np.arange(people).astype(str), per_person)


def test_a_resample_is_the_score_of_the_people_weighed_with_one_added_to_each_cell():
    # One man, right, and one woman, wrong. The two added are each of: one of these two as they are or as the other
    # gender, somebody right, somebody wrong. So male weighs R1 + A1, of which R1 and A1 or 0 are hits, ...
    rng = np.random.default_rng(0)
    own, added = rng.gamma(0.75, size=(40000, 2)) / 0.75, rng.exponential(size=(40000, 2))
    right = rng.random((40000, 2)) < 0.5
    hits = own * [1, 0] + added * right
    actual = own + added
    taken_for = hits + (actual - hits)[:, ::-1]
    f1 = 2 * hits / (actual + taken_for)
    found = bootstrap_f1([0, 1], [[0, 0]], [0, 1], GENDER, resamples=20000)[:, 0]
    assert np.quantile(found, [0.1, 0.5, 0.9], axis=0) == pytest.approx(
        np.quantile(f1, [0.1, 0.5, 0.9], axis=0), abs=0.02
    )


def test_the_models_of_one_resample_met_the_same_people():
    truth, predicted, person = photos(60, 7)
    better = np.where(np.arange(len(truth)) < 70, truth, predicted)  # the same, but for ten people made right
    scores = bootstrap_macro_f1(truth, [predicted, better, predicted], person, AGE)
    assert scores.shape == (1000, 3)
    assert (scores[:, 1] > scores[:, 0]).mean() > 0.9
    alike, apart = (np.std(scores[:, 0] - scores[:, other]) for other in (2, 1))
    assert alike < apart < scores[:, 0].std()  # alike differ by the coins of the invented people only


def test_a_model_scores_the_same_alone_as_before_others():
    truth, predicted, person = photos(60, 7)
    beside = bootstrap_macro_f1(truth, [truth, predicted], person, AGE, resamples=50)
    assert np.array_equal(beside[:, :1], bootstrap_macro_f1(truth, [truth], person, AGE, resamples=50))


def test_people_are_resampled_so_more_photos_of_the_same_people_add_no_certainty():
    once, often = (
        bootstrap_macro_f1(truth, [guess], person, AGE) for truth, guess, person in (photos(60, 1), photos(60, 7))
    )
    assert once == pytest.approx(often)


def test_the_order_of_the_photos_does_not_matter():
    truth, predicted, person = photos(60, 3)
    order = np.random.default_rng(2).permutation(180)
    mixed = bootstrap_macro_f1(truth[order], predicted[None, order], person[order], AGE, 50)
    assert mixed == pytest.approx(bootstrap_macro_f1(truth, predicted[None], person, AGE, 50))


def test_a_class_that_nobody_shows_is_judged_by_everybodys_errors():
    good, bad = ([[0, 1, 3, 4] * 10], [[1, 0, 4, 3] * 10])
    truth, person = [0, 1, 3, 4] * 10, np.arange(40)
    task = Task(("gender", "age"))
    of_good, of_bad = (bootstrap_f1(truth, guess, person, task)[:, 0, [2, 5]].mean(axis=0) for guess in (good, bad))
    assert (of_good > 0.8).all()
    assert (of_bad < 0.2).all()


def test_people_of_several_mask_states_keep_their_photos_together():
    # One person, seven photos of three classes: every added one has the seven, so that no class of a cell is missed.
    truth = [0] * 5 + [6, 12]
    found = bootstrap_f1(truth, [truth], [0] * 7, REFERENCE, 200)
    assert found.shape == (200, 1, 18)
    assert not np.isnan(found).any()


def test_what_is_held_at_once_does_not_change_what_is_found_much(monkeypatch):
    truth, predicted, person = photos(60, 7)
    whole = bootstrap_macro_f1(truth, [predicted], person, AGE, 1000)
    monkeypatch.setattr(bootstrap, "MOST_AT_ONCE", 60 * 64)
    parts = bootstrap_macro_f1(truth, [predicted], person, AGE, 1000)
    assert parts.shape == (1000, 1)
    assert np.quantile(parts, [0.05, 0.5, 0.95]) == pytest.approx(np.quantile(whole, [0.05, 0.5, 0.95]), abs=0.015)


@pytest.mark.parametrize(
    ("truth", "predicted", "person", "message"),
    [
        ([0, 0], [[0, 0], [0, -1]], ["a", "b"], "leave photos without a label out"),
        ([0, 1], np.zeros((0, 2)), ["a", "b"], r"models >= 1"),
        ([0, 1], [[0, 1]], ["a"], r"person \[n\]"),
        ([0, 1], [[0, 3]], ["a", "b"], "classes below 3 must hold, but got 3"),
    ],
)
def test_what_is_no_prediction_of_the_task_is_refused(truth, predicted, person, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_macro_f1(truth, predicted, person, AGE)
