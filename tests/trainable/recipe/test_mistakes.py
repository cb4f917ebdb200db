import numpy as np

from trainable.recipe.mistakes import confusion, surest_mistakes


def test_a_confusion_matrix_counts_truth_in_rows() -> None:
    assert confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_the_surest_mistake_of_each_person_comes_once_the_surest_first() -> None:
    truth, guess = np.array([0, 0, 0, 0, 0]), np.array([1, 1, 1, 0, 1])
    confidence, person = np.array([0.6, 0.9, 0.7, 0.99, 0.5]), np.array(list("aabbc"), dtype=object)
    assert surest_mistakes(truth, guess, confidence, person, most=9).tolist() == [1, 2, 4]
    assert surest_mistakes(truth, guess, confidence, person, most=2).tolist() == [1, 2]
    assert surest_mistakes(truth, truth, confidence, person, most=2).tolist() == []
