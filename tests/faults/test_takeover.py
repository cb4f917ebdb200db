"""A driver is paused, another machine takes its search over, and the first one wakes: it ends and disturbs nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from data_prep.store.store import Store
from tests.faults import driving
from tests.faults.conftest import Campaign
from tests.faults.test_driver import is_finished
from tests.faults.test_power_cuts import wait_for_news
from tests.helpers.patience import HANGS
from tests.tuning.test_faults import board
from tuning.plan.plan import Plan


def test_a_driver_that_wakes_after_a_takeover_ends_and_writes_nothing_more(
    campaign: Campaign,
    undisturbed: Callable[..., tuple[Plan, Plan]],
    small_store: Store,
) -> None:
    pauses = campaign.count(few=0, many=10)
    if not pauses:
        pytest.skip("what it goes by is in tests/tuning/ownership: make faults")
    trials = 4 + 2 * pauses
    calm, disturbed = undisturbed(trials)
    runs = disturbed.folder.parent
    first = driving.start(runs, small_store.path, trials, 1, machine="machine 0")
    took, slowest = 0, 0.0
    for number in range(1, pauses + 1):
        if not wait_for_news(first, disturbed):
            break
        first.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        second = driving.start(runs, small_store.path, trials, 1, machine=f"machine {number}")
        assert wait_for_news(second, disturbed)
        first.send_signal(signal.SIGCONT)
        woke = time.monotonic()
        _, said = first.communicate(timeout=HANGS)
        slowest = max(slowest, time.monotonic() - woke)
        assert first.returncode == 1
        assert b"SearchError" in said and b"it ends, and writes nothing more" in said
        first, took = second, took + 1
    first.communicate(timeout=HANGS)
    assert is_finished(disturbed)
    assert board(disturbed).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
    campaign.record(pauses=took, seconds_until_it_ended=round(slowest, 1), trials=trials)
