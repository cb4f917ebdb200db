import numpy as np
import pytest
from sklearn.metrics import f1_score

from trainable.recipe.metrics import bootstrap_macro_f1, macro_f1, macro_f1_interval


def test_macro_f1_is_the_mean_worked_by_hand():
    truth, predicted = [0, 0, 0, 1, 2], [0, 0, 1, 1, 0]
    # class 0: tp 2, actual 3, predicted 3: 4/6; class 1: tp 1, actual 1, predicted 2: 2/3; class 2: tp 0: 0
    assert macro_f1(truth, predicted) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_a_class_that_only_was_predicted_is_no_part_of_the_mean():
    # class 0: tp 1, actual 2, predicted 1: 2/3; class 7 never occurs
    assert macro_f1([0, 0], [0, 7]) == pytest.approx(2 / 3)


def test_macro_f1_agrees_with_sklearn_over_the_classes_that_occur():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 14, 300), rng.integers(0, 18, 300)
    theirs = f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
    assert macro_f1(truth, predicted) == pytest.approx(theirs)


def test_macro_f1_needs_labels_of_one_length():
    with pytest.raises(ValueError, match="one length"):
        macro_f1([0, 1], [0])
    with pytest.raises(ValueError, match="one length"):
        macro_f1([], [])


def _photos(people: int, per_person: int):
    """Each person's photos are all right or all wrong."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(people) % 3, per_person)
    wrong = np.repeat(rng.random(people) < 0.3, per_person)
    return truth, np.where(wrong, (truth + 1) % 3, truth), np.repeat(np.arange(people).astype(str), per_person)


def test_the_interval_holds_the_score_and_repeats_itself():
    truth, predicted, person = _photos(60, 7)
    low, high = macro_f1_interval(truth, predicted, person)
    assert low < macro_f1(truth, predicted) < high
    assert (low, high) == macro_f1_interval(truth, predicted, person)
    assert (low, high) != macro_f1_interval(truth, predicted, person, seed=1)


def test_the_interval_draws_people_so_more_photos_of_the_same_people_do_not_narrow_it():
    assert macro_f1_interval(*_photos(60, 1)) == pytest.approx(macro_f1_interval(*_photos(60, 7)))


def test_the_interval_of_perfect_predictions_is_a_point():
    assert macro_f1_interval([0, 1, 1], [0, 1, 1], ["a", "b", "c"]) == (1.0, 1.0)


def test_a_wider_level_gives_a_wider_interval():
    photos = _photos(60, 7)
    narrow, wide = macro_f1_interval(*photos, level=0.5), macro_f1_interval(*photos, level=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_no_resample_loses_the_class_of_one_rare_person():
    # 20 people of class 0, all right; one of class 1, wrong. Without the one, a resample would score 1.
    truth, predicted = [0] * 20 + [1], [0] * 20 + [2]
    assert macro_f1_interval(truth, predicted, range(21)) == (0.5, 0.5)


def test_the_models_of_one_resample_met_the_same_people():
    truth, predicted, person = _photos(60, 7)
    better = np.where(np.arange(len(truth)) < 70, truth, predicted)  # the same, but for ten people made right
    scores = bootstrap_macro_f1(truth, [predicted, better, predicted], person)
    assert scores.shape == (1000, 3)
    assert np.array_equal(scores[:, 0], scores[:, 2])
    assert (scores[:, 1] >= scores[:, 0]).all()


def test_a_model_scores_the_same_alone_as_beside_others():
    truth, predicted, person = _photos(60, 7)
    beside = bootstrap_macro_f1(truth, [truth, predicted + 5], person, resamples=50)
    assert np.array_equal(beside[:, :1], bootstrap_macro_f1(truth, [truth], person, resamples=50))
    assert (beside == [1.0, 0.0]).all()


def test_a_resample_is_the_score_of_the_photos_of_the_people_drawn():
    # Two people of one class, the first right: drawn twice, once or never; F1 1, 2/3 or 0 in 1/4, 1/2 and 1/4 of cases.
    scores = bootstrap_macro_f1([0, 0], [[0, 1]], ["a", "b"], resamples=4000)[:, 0]
    values, counts = np.unique(scores, return_counts=True)
    assert values == pytest.approx([0, 2 / 3, 1])
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_photos_without_a_label_are_refused():
    with pytest.raises(ValueError, match="leave photos without a label out"):
        macro_f1([0, -1], [0, 0])
    with pytest.raises(ValueError, match="leave photos without a label out"):
        bootstrap_macro_f1([0, 0], [[0, 0], [0, -1]], ["a", "b"])


def test_a_bootstrap_needs_a_model_and_a_person_a_photo():
    with pytest.raises(ValueError, match=r"models >= 1"):
        bootstrap_macro_f1([0, 1], np.zeros((0, 2)), ["a", "b"])
    with pytest.raises(ValueError, match=r"person \[n\]"):
        bootstrap_macro_f1([0, 1], [[0, 1]], ["a"])
