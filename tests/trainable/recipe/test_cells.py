import numpy as np
import pytest

from data_prep.task import REFERENCE, Task
from trainable.recipe.cells import Cells, of_people


def carried(task: Task, factors: tuple[str, ...], actual: int, predicted: int) -> list[tuple[int, int]]:
    cells = Cells.of(task, factors)
    return [(int(cells.truth[actual, cell]), int(cells.predicted[actual, predicted, cell])) for cell in range(cells.n)]


def test_a_photo_that_is_a_band_off_is_a_band_off_in_every_cell_and_keeps_its_mask():
    # incorrect male <30, taken for incorrect male 30-59; classes are mask*6 + gender*3 + band
    assert carried(REFERENCE, ("gender", "age"), 6, 7) == [(6, 7), (7, 8), (8, 7), (9, 10), (10, 11), (11, 10)]


def test_a_wrong_gender_and_a_wrong_mask_go_along():
    # worn male <30, taken for bare female <30
    assert carried(REFERENCE, ("gender", "age"), 0, 15) == [(0, 15), (1, 16), (2, 17), (3, 12), (4, 13), (5, 14)]


def test_two_bands_off_is_as_far_off_as_there_are_bands():
    assert carried(Task(("age",)), ("age",), 0, 2) == [(0, 2), (1, 0), (2, 0)]


def test_without_a_factor_of_people_there_is_one_cell_that_changes_nothing():
    assert carried(Task(("mask",)), (), 1, 2) == [(1, 2)]


def test_the_cell_of_a_class_is_where_it_is_carried_to_itself():
    for task, factors in (
        (REFERENCE, ("gender", "age")),
        (REFERENCE, ("mask", "gender", "age")),
        (Task(("mask",)), ()),
    ):
        cells = Cells.of(task, factors)
        assert (cells.truth[np.arange(task.classes), cells.home] == np.arange(task.classes)).all()


def test_a_band_below_and_above_are_within_the_bands():
    assert Cells.of(REFERENCE, ("gender", "age")).one_off[:, [0, 1, 2, 15, 17]].tolist() == [
        [1, 0, 1, 16, 16],
        [1, 2, 1, 16, 16],
    ]
    assert Cells.of(Task(("gender",)), ("gender",)).one_off.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("task", "truth", "owner", "factors"),
    [
        (REFERENCE, [0, 6, 12], [0, 0, 0], ("gender", "age")),
        (REFERENCE, [0, 6, 12], [0, 1, 2], ("mask", "gender", "age")),
        (REFERENCE, [0, 0, 12], [0, 0, 1], ("mask", "gender", "age")),
        (Task(("mask",)), [0, 1], [0, 0], ()),
        (Task(("gender", "age")), [0, 5], [0, 0], ("gender", "age")),
    ],
)
def test_the_mask_is_a_persons_where_nobody_shows_two_states(task, truth, owner, factors):
    assert of_people(task, np.array(truth), np.array(owner)) == factors
