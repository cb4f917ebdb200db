import pytest

from trainable.config import Schedule
from trainable.recipe.schedule import learning_rate, position

REFERENCE = Schedule()  # peak .01, floor 1e-5, cycle 20, warm-up 5, decay .5


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 1e-5),  # the floor
        (1, 1e-5 + 0.00999 / 5),  # a fifth of the climb: .002008
        (2.5, 1e-5 + 0.00999 / 2),  # halfway: .005005
        (5, 0.01),  # the peak
        (12.5, 1e-5 + 0.00999 / 2),  # half of the 15 epochs down, cos(pi/2) = 0: .005005
        (10, 1e-5 + 0.00999 * 0.75),  # a third of the way down, (1 + cos(pi/3))/2 = .75: .0075025
        (20, 1e-5),  # restart
        (25, 0.005),  # the second peak is half of the first
        (45, 0.0025),
    ],
)
def test_the_reference_schedule_is_as_worked_by_hand(epoch, rate):
    assert learning_rate(epoch, REFERENCE) == pytest.approx(rate, rel=1e-12)


def test_the_last_step_before_a_restart_is_all_but_the_floor():
    # 15 epochs down, a thousandth before the end: (1 + cos(pi (1 - 1/15000)))/2 = (pi/15000)^2/4 = 1.1e-8
    assert learning_rate(19.999, REFERENCE) == pytest.approx(1e-5 + 0.00999 * 1.0966e-8, rel=1e-6)


def test_cycles_grow_by_the_multiplier_without_their_warmup():
    # cycle 10, warm-up 2, x1.5: 10, then int(8*1.5)+2 = 14, then int(12*1.5)+2 = 20
    schedule = Schedule(cycle=10, warmup=2, multiplier=1.5)
    assert [position(epoch, schedule) for epoch in (9, 10, 23, 24, 43, 44)] == [
        (0, 9, 10),
        (1, 0, 14),
        (1, 13, 14),
        (2, 0, 20),
        (2, 19, 20),
        (3, 0, 29),
    ]


def test_without_warmup_a_cycle_begins_at_its_peak():
    schedule = Schedule(warmup=0, cycle=10)
    assert [learning_rate(epoch, schedule) for epoch in (0, 10)] == [0.01, 0.005]


def test_a_peak_that_decayed_below_the_floor_stays_at_the_floor():
    schedule = Schedule(max_lr=1e-3, min_lr=1e-4, cycle=2, warmup=1, decay=0.1)
    assert learning_rate(7, schedule) == 1e-4
