"""What is predicted follows from the labels; every combination is a class, in the reference task's order."""

import numpy as np
import pytest

from common.errors import LabelError, OptionError
from data_prep.labels import GENDERS, MASKS, MISSING, N_BANDS
from data_prep.task import FACTORS, REFERENCE, Task, of_labels, parse

GRID = np.array([(mask, gender, band) for mask in range(3) for gender in range(2) for band in range(3)]).T
UNKNOWN = np.full(18, MISSING)

TASKS = [
    Task(factors, masks)
    for factors in [
        ("mask",), ("gender",), ("age",), ("mask", "gender"), ("mask", "age"), ("gender", "age"), FACTORS
    ]
    for masks in ([MASKS, ("worn", "none")] if "mask" in factors else [MASKS])
]  # fmt: skip


def test_the_reference_task_has_the_18_classes_of_its_formula():
    mask, gender, band = GRID
    assert REFERENCE.encode(mask, gender, band).tolist() == (mask * 6 + gender * 3 + band).tolist() == list(range(18))
    assert REFERENCE.class_name(17) == "none female >=60" and REFERENCE.class_name(1, (25, 40)) == "worn male 25-39"
    assert str(REFERENCE) == "mask x gender x age band, 18 classes"


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_classes_and_factors_turn_into_each_other(task):
    classes = task.encode(*GRID)
    known = classes != MISSING
    assert sorted(set(classes[known])) == list(range(task.classes))
    assert task.join(task.split(np.arange(task.classes))).tolist() == list(range(task.classes))
    names = {task.class_name(number) for number in range(task.classes)}
    assert len(names) == task.classes == np.prod(task.shape)
    assert Task.from_json(task.to_json()) == task


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_a_factor_that_is_missing_leaves_no_class(task):
    for place, factor in enumerate(FACTORS):
        labels = [np.where(np.arange(18) < 3, MISSING, codes) if i == place else codes for i, codes in enumerate(GRID)]
        assert (task.encode(*labels)[:3] == MISSING).all() == (factor in task.factors)


def test_a_state_of_the_mask_that_is_not_told_apart_is_missing():
    task = Task(("mask", "gender"), ("worn", "none"))
    assert task.encode([0, 1, 2, MISSING], [1, 1, 1, 1], [0, 0, 0, 0]).tolist() == [1, MISSING, 3, MISSING]
    assert [task.class_name(number) for number in range(4)] == ["worn male", "worn female", "none male", "none female"]


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_a_marginal_sums_the_other_factors_out(task):
    said = np.random.default_rng(0).dirichlet(np.ones(task.classes), 5)
    for factor, codes in task.split(np.arange(task.classes)).items():
        expected = [[row[codes == value].sum() for value in range(codes.max() + 1)] for row in said]
        assert task.marginal(said, factor) == pytest.approx(np.array(expected))
        assert len(task.values(factor)) == codes.max() + 1


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (GRID, "mask x gender x age band, 18 classes"),
        ((UNKNOWN, GRID[1], GRID[2]), "gender x age band, 6 classes; no photo has a mask label"),
        ((UNKNOWN + 3, GRID[1], GRID[2]), "gender x age band, 6 classes; every photo's mask is none"),
        (
            (np.where(GRID[0] == 1, 2, GRID[0]), UNKNOWN, UNKNOWN),
            "mask, 2 classes; no photo has a gender label; no photo has an age band label; "
            "no photo's mask is incorrect",
        ),
        (
            (np.where(np.arange(18) < 5, GRID[1], MISSING), GRID[1], UNKNOWN),
            "gender, 2 classes; only 5 of 18 photos have a label of mask; no photo has an age band label",
        ),
        ((UNKNOWN, UNKNOWN, GRID[2]), "age band, 3 classes; no photo has a mask label; no photo has a gender label"),
    ],
)
def test_the_task_is_what_the_photos_say(labels, said):
    labels = [np.array(codes) for codes in labels]
    if (labels[0] == 2).all():
        assert MASKS[2] == "none"
    assert of_labels(*labels).in_words() == said


def test_photos_without_any_label_do_not_count():
    half = np.concatenate([GRID[1], np.full(40, MISSING)])
    nothing = np.full(len(half), MISSING)
    assert of_labels(nothing, half, nothing).factors == ("gender",)


def test_a_task_may_be_asked_for():
    found = of_labels(*GRID, asked=("gender",))
    assert (found.factors, found.classes, found.notes) == (("gender",), 2, ("chosen by --task",))
    few = np.where(np.arange(18) < 8, GRID[0], MISSING)
    assert of_labels(few, GRID[1], GRID[2]).factors == ("gender", "age")
    assert of_labels(few, GRID[1], GRID[2], asked=FACTORS).factors == FACTORS
    with pytest.raises(LabelError, match="--task: no photo has a mask label; leave mask out of it"):
        of_labels(UNKNOWN, *GRID[1:], asked=("mask", "age"))
    with pytest.raises(LabelError, match=r"nothing to predict: no photo .*'s gender is male; .*add labels"):
        of_labels(UNKNOWN, UNKNOWN + 1, UNKNOWN)


def test_an_option_names_factors_in_any_order():
    assert parse("age, mask") == ("mask", "age")
    for text in ("ages", "", "mask,mask", "mask,age,hair"):
        with pytest.raises(OptionError, match=r"--task: some of mask,gender,age, such as gender,age, are needed"):
            parse(text)


@pytest.mark.parametrize(
    ("factors", "masks"),
    [((), MASKS), (("age", "mask"), MASKS), (("hair",), MASKS), (("mask",), ("none",)), (("mask",), ("none", "worn"))],
)
def test_a_task_that_cannot_be_is_an_error(factors, masks):
    with pytest.raises(OptionError, match="task: "):
        Task(factors, masks)


def test_sizes_are_those_of_the_labels():
    assert REFERENCE.shape == (len(MASKS), len(GENDERS), N_BANDS)
