"""How many points a space has, and which."""

from __future__ import annotations

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuning.plan import points
from tuning.plan.budget import Budget


@pytest.mark.parametrize(
    ("distributions", "all_of_them"),
    [
        ({"x": CategoricalDistribution(["a", "b"])}, [{"x": "a"}, {"x": "b"}]),
        ({"x": IntDistribution(1, 3, step=2)}, [{"x": 1}, {"x": 3}]),
        ({"x": IntDistribution(1, 3, log=True)}, [{"x": 1}, {"x": 2}, {"x": 3}]),
        ({"x": FloatDistribution(0, 0.3, step=0.1)}, [{"x": number * 0.1} for number in range(4)]),
        ({"x": FloatDistribution(0.5, 0.5)}, [{"x": 0.5}]),
        (
            {"x": IntDistribution(0, 1), "y": CategoricalDistribution([True, None])},
            [{"x": x, "y": y} for x in (0, 1) for y in (True, None)],
        ),
    ],
)
def test_points_that_can_be_counted_are(
    distributions: dict[str, BaseDistribution], all_of_them: list[points.Point]
) -> None:
    assert list(points.every(distributions)) == all_of_them
    assert points.count(distributions) == len(all_of_them)


@pytest.mark.parametrize("endless", [FloatDistribution(0, 1), FloatDistribution(1e-3, 1, log=True)])
def test_a_space_with_a_range_without_steps_has_no_end(endless: BaseDistribution) -> None:
    assert points.count({"x": IntDistribution(0, 1), "y": endless}) is None


def test_a_budget_is_for_no_more_trials_than_points_or_than_were_started() -> None:
    assert Budget(trials=5).for_points(2) == Budget(trials=2)
    assert Budget(trials=5).for_points(2, started=3) == Budget(trials=3)
    assert Budget(trials=5).for_points(8) == Budget(trials=5).for_points(None) == Budget(trials=5)
    assert Budget(trials=3).for_points(8, started=4) == Budget(trials=3)  # which is refused elsewhere
    assert Budget(hours=5).for_points(2) == Budget(hours=5)
