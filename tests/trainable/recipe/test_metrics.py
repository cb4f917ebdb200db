import numpy as np
import pytest

from trainable.recipe.metrics import f1_of, macro_f1


def test_macro_f1_is_the_mean_worked_by_hand():
    truth, predicted = [0, 0, 0, 1, 2], [0, 0, 1, 1, 0]
    # class 0: tp 2, actual 3, predicted 3: 4/6; class 1: tp 1, actual 1, predicted 2: 2/3; class 2: tp 0: 0
    assert macro_f1(truth, predicted) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_a_class_that_only_was_predicted_is_no_part_of_the_mean():
    # class 0: tp 1, actual 2, predicted 1: 2/3; class 7 never occurs
    assert macro_f1([0, 0], [0, 7]) == pytest.approx(2 / 3)


def test_macro_f1_agrees_with_sklearn_over_the_classes_that_occur():
    from sklearn.metrics import f1_score  # which takes two seconds to import, of whoever collects the tests

    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 14, 300), rng.integers(0, 18, 300)
    theirs = f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
    assert macro_f1(truth, predicted) == pytest.approx(theirs)


def test_a_class_without_an_actual_photo_has_no_f1():
    found = f1_of([[1, 0, 0]], [[1, 2, 0]], [[3, 0, 0]])
    assert found == pytest.approx(np.array([[0.5, 0, np.nan]]), nan_ok=True)


def test_macro_f1_needs_labels_of_one_length_from_0():
    for truth, predicted in (([0, 1], [0]), ([], [])):
        with pytest.raises(ValueError, match="one length"):
            macro_f1(truth, predicted)
    with pytest.raises(ValueError, match="leave photos without a label out"):
        macro_f1([0, -1], [0, 0])
