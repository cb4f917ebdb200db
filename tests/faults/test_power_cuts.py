"""The power is cut at random moments, for real: what a kill would have lost is lost, and nothing else."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.store.store import Store
from tests.faults import driving
from tests.faults.conftest import Campaign
from tests.faults.disks import disk
from tests.faults.test_driver import is_finished, known, progress
from tests.helpers.patience import HANGS
from tests.tuning.test_faults import board, epochs_reported, study
from tuning.plan.plan import Plan


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_search_whose_power_is_cut_ends_as_an_undisturbed_one(
    kind: str,
    campaign: Campaign,
    undisturbed: Callable[..., tuple[Plan, Plan]],
    small_store: Store,
    tmp_path: Path,
) -> None:
    cuts = campaign.count(few=0, many=10)
    if not cuts:
        pytest.skip("every moment of one is in tests/test_power.py, without a disk: make faults")
    with disk(kind, tmp_path) as there:
        trials = 3 + cuts
        calm, disturbed = undisturbed(trials, there.folder / "runs/age_bands")
        source = random.Random(1)
        repeated = done = 0
        for _ in range(cuts):
            driver = driving.start(disturbed.folder.parent, small_store.path, trials, concurrent=1)
            reported = wait_for_news(driver, disturbed, states=source.randint(1, 6))
            time.sleep(source.uniform(0, 1))
            had, before = known(disturbed), progress(disturbed)
            there.cut()
            driver.kill()
            driver.wait()
            there.come_back()
            if driver.returncode == 0 or not reported:
                continue
            after = known(disturbed)
            assert all(after[trial] >= epochs for trial, epochs in had.items()), "a state that was there is lost"
            repeated += sum(max(0, epochs - after.get(trial, 0)) for trial, epochs in before.items())
            done += 1
        if not is_finished(disturbed):
            assert driving.start(disturbed.folder.parent, small_store.path, trials, concurrent=1).wait() == 0
        there.cut()  # a search that has ended is on the disk
        there.come_back()

        assert board(disturbed).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
        assert study(disturbed) == study(calm)
        for folder in calm.folder.glob("trial-*"):
            assert epochs_reported(disturbed.folder / folder.name) == epochs_reported(folder), folder.name
        campaign.record(power_cuts=done, trials=trials, epochs=sum(board(calm)["epochs"]), epochs_repeated=repeated)


def wait_for_news(driver: subprocess.Popen[bytes], plan: Plan, states: int = 1) -> bool:
    """Wait until this driver has written so many states; False where it ended before."""
    had = newest(plan)
    until = time.monotonic() + HANGS
    while newest(plan) < had + states:
        if driver.poll() is not None:
            return False
        assert time.monotonic() < until, "it hangs"
        time.sleep(0.05)
    return True


def newest(plan: Plan) -> int:
    return max((int(each.name) for each in plan.folder.glob("state/[0-9]*")), default=0)
