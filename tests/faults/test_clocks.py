"""The clock and the time zone are others at each resume: a search goes on from its last state, whatever they say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from data_prep.store.store import Store
from tests.faults import driving
from tests.faults.conftest import Campaign
from tests.faults.test_driver import is_finished, times_repeated, unknown
from tests.faults.test_power_cuts import wait_for_news
from tests.tuning.test_faults import board, study
from tuning.plan.plan import Plan

CLOCKS = [("Asia/Seoul", 0), ("UTC", 0), ("America/Los_Angeles", 0), ("UTC", -86_400), ("Pacific/Kiritimati", 3_600)]
"""Time zones, and by how many seconds the clock is ahead: most are earlier than the one before."""


def test_a_search_goes_on_from_its_last_state_whatever_the_clock_says(
    campaign: Campaign,
    undisturbed: Callable[..., tuple[Plan, Plan]],
    small_store: Store,
) -> None:
    resumes = campaign.count(few=0, many=10)
    if not resumes:
        pytest.skip("what it goes by is in test_proposals.py and test_snapshots.py: make faults")
    trials = 3 + resumes
    calm, disturbed = undisturbed(trials)
    clocks, done, forgotten = cycle(CLOCKS), 0, 0

    def start() -> driving.subprocess.Popen[bytes]:
        zone, ahead = next(clocks)
        clock = {"TZ": zone, "CLOCK_AHEAD": str(ahead)}
        return driving.start(disturbed.folder.parent, small_store.path, trials, 1, **clock)

    for _ in range(resumes):
        driver = start()
        done += wait_for_news(driver, disturbed)
        driver.kill()
        driver.wait()
        forgotten += unknown(disturbed)
    if not is_finished(disturbed):
        assert start().wait() == 0

    assert board(disturbed).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
    assert study(disturbed) == study(calm)
    repeated = sum(times_repeated(folder) for folder in disturbed.folder.glob("trial-*"))
    assert repeated <= forgotten + done, "done again is what no state knew, and the epoch that ran"
    campaign.record(resumes=done, clocks=len(CLOCKS), trials=trials, epochs_repeated=repeated)
