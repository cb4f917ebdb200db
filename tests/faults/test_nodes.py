"""Ray nodes with one pretended GPU each: machines die and come while a search runs."""

import json
from pathlib import Path

import pytest

from data_prep.store.store import Store
from tests.faults.conftest import Campaign
from tests.helpers import forked_program


def scenario(name: str, runs: Path, store: Store, nodes: int, trials: int) -> dict:
    """Runs on_nodes.py in a process of its own, and what it saw."""
    arguments = ["-m", "tests.faults.on_nodes", name, runs, store.path, nodes, trials]
    return json.loads(forked_program.run(arguments, timeout=500).splitlines()[-1])


def test_machines_that_die_one_by_one_cost_no_trial_and_no_gpu_has_two(
    campaign: Campaign, small_store: Store, tmp_path: Path
) -> None:
    nodes, trials = campaign.count(few=(2, 4), many=(4, 16))
    seen = scenario("all but one die, one comes", tmp_path / "runs", small_store, nodes, trials)
    assert seen["status"] == {"finished": trials}
    assert seen["at_once_on_one_gpu"] == 1
    assert seen["nodes_used"] == nodes + 1, "those that there were and the one that came"
    campaign.record(trials=trials, nodes_killed=nodes - 1, nodes_added=1, epochs_repeated=seen["repeated"])


def test_every_gpu_is_busy_until_the_queue_is_empty(campaign: Campaign, small_store: Store, tmp_path: Path) -> None:
    nodes, trials = 5, campaign.count(few=0, many=30)
    if not trials:
        pytest.skip("a figure, no fault: make faults")
    seen = scenario("nothing", tmp_path / "runs", small_store, nodes, trials)
    assert seen["status"] == {"finished": trials}
    assert seen["at_once_on_one_gpu"] == 1
    assert seen["nodes_used"] == nodes
    assert seen["idle"] < 0.5
    campaign.record(nodes=nodes, trials=trials, idle_share=f"{seen['idle']:.3f}")
