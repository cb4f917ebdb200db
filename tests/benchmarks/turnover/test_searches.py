from __future__ import annotations

from benchmarks.turnover import searches


def test_a_turnover_is_from_a_result_to_the_next_first_step() -> None:
    last = {"ended_at": 10.0}
    kept = {
        "saved_at": 10.5,
        "reset_at": 10.75,
        "asked_at": 11.0,
        "first_step": 12.0,
        "stepped_at": 12.5,
        "ended_at": 20.0,
    }
    new = {"asked_at": 25.0, "first_step": 28.0, "stepped_at": 30.0}
    found = searches.turnovers([last, kept, new])
    reused = {
        "result to saved": 0.5,
        "to reset": 0.25,
        "to asked": 0.25,
        "to first step": 1.0,
        "the step": 0.5,
        "in all": 2.0,
    }
    assert found == [reused, {"to asked": 5.0, "to first step": 3.0, "the step": 2.0, "in all": 8.0}]
    assert searches.medians(found[1:]) == [None, None, 5.0, 3.0, 2.0]
