import itertools
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from errors import SpaceError
from trainable.config import TrialConfig
from tuning import spaces
from tuning.spaces import Space

REFERENCE = {"labels/young_below": 30, "labels/old_from": 60}
DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "labels/young_below": IntDistribution(27, 32),
    "labels/old_from": IntDistribution(56, 60),
}


def space(**changes: Any) -> Space:
    fields = {"name": "x", "about": "", "distributions": DISTRIBUTIONS, "fixed": {}, "start": [REFERENCE]}
    return Space(**{**fields, **changes})


def ends(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return [distribution.low, distribution.high]


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if isinstance(distribution, IntDistribution):
        return int(rng.integers(distribution.low, distribution.high + 1))
    return float(rng.uniform(distribution.low, distribution.high))


@pytest.mark.parametrize("name", spaces.names())
def test_every_corner_and_200_random_points_of_a_space_are_valid_trials(name: str) -> None:
    loaded, rng = spaces.load(name), np.random.default_rng(0)
    keys = list(loaded.distributions)
    corners = itertools.product(*(ends(distribution) for distribution in loaded.distributions.values()))
    points = [dict(zip(keys, corner, strict=True)) for corner in corners]
    points += [{key: draw(values, rng) for key, values in loaded.distributions.items()} for _ in range(200)]
    for point in points:
        TrialConfig.from_flat({**loaded.fixed, **point})


@pytest.mark.parametrize("name", spaces.names())
def test_every_space_says_what_it_is_and_how_to_run_it(name: str) -> None:
    loaded = spaces.load(name)
    assert loaded.about.endswith(".")
    assert loaded.start[0] == loaded.reference()


def test_age_bands_starts_with_the_recipe_and_the_three_bands_tried_by_hand() -> None:
    start = [(point["labels/young_below"], point["labels/old_from"]) for point in spaces.load("age_bands").start]
    assert start == [(30, 60), (30, 59), (30, 58), (29, 58)]


def test_an_unknown_space_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SpaceError, match=r"no such space: 'age_band'; the known ones are .*age_bands"):
        spaces.load("age_band")


def test_a_space_joined_with_itself_is_refused() -> None:
    with pytest.raises(SpaceError, match="more than one of its parts"):
        spaces.load("age_bands+age_bands")


def test_a_join_completes_each_parts_points_with_the_recipe() -> None:
    other = space(
        name="y",
        distributions={"loss/smoothing": FloatDistribution(0, 0.2)},
        start=[{"loss/smoothing": 0.02}, {"loss/smoothing": 0.1}],
    )
    joined = spaces._join("x+y", [space(start=[REFERENCE, {**REFERENCE, "labels/old_from": 58}]), other])
    assert joined.start == [
        {**REFERENCE, "loss/smoothing": 0.02},
        {**REFERENCE, "labels/old_from": 58, "loss/smoothing": 0.02},
        {**REFERENCE, "loss/smoothing": 0.1},
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distributions": {}}, "SPACE is empty"),
        ({"distributions": {"labels/old": IntDistribution(1, 2)}}, "labels/old is no setting of a trial"),
        ({"fixed": {"labels/old_from": 60}}, "in SPACE and in FIXED"),
        ({"start": []}, "must begin with the reference recipe"),
        ({"start": [{**REFERENCE, "labels/old_from": 58}]}, "must begin with the reference recipe"),
        ({"start": [REFERENCE, {"labels/old_from": 58}]}, r"START\[1\] must name exactly SPACE's keys"),
        ({"start": [REFERENCE, {**REFERENCE, "labels/old_from": 61}]}, r"START\[1\] has labels/old_from=61, outside"),
    ],
)
def test_what_ray_would_ignore_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        space(**changes)
