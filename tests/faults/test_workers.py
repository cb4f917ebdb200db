"""Trials that fail in every way, workers that are killed, and workers that hang: the search ends as it should."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from data_prep.store.store import Store
from tests.faults.conftest import Campaign
from tests.faults.test_driver import times_repeated
from tests.tuning.helpers.bad_trials import KINDS, CampaignTrial, StruckTrial
from tests.tuning.helpers.curve_trial import CurveTrial
from tests.tuning.test_faults import board
from tuning import search
from tuning.callbacks.watchdog import Watchdog
from tuning.command.ending.finish import finish
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.records import search_json

ERRORS = {
    "setup": "ValueError: cannot be set up",
    "memory": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    "nan": "ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got nan",
    "exits": "worker died",
    "inf": "ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got inf",
    "missing": "ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got 'nothing'",
    "none": "ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got None",
    "text": "ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got 'high'",
}


@pytest.fixture(autouse=True)
def ray(ray_session: None) -> None:
    """Every test here runs searches in this process."""


def fated(plan: Plan, fates: Mapping[str, Sequence[str]]) -> Plan:
    return replace(plan, store=json.dumps(fates))


def names(numbers: Sequence[int]) -> list[str]:
    return [f"trial-{number:03d}" for number in numbers]


def test_bad_trials_of_every_kind_neither_stop_nor_bias_a_search(
    campaign: Campaign, make_plan: Callable[..., Plan], small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind fails for good: after an exception once more, after a worker's death three times more (of the few,
    tests/tuning/test_surroundings.py has that one)."""
    each, kinds, at_once = campaign.count(few=(1, ("setup", "nan"), 1), many=(6, KINDS, 2))
    bad = dict(zip(names(range(2, 2 * each * len(kinds) + 1, 2)), kinds * each, strict=True))
    trials = len(bad) * 2 if each == 1 else 100
    plan = fated(
        make_plan(budget=Budget(trials=trials), epochs=3, grace=3, resources=Resources(1, 0, at_once)),
        {name: [kind] for name, kind in bad.items()},
    )
    rows = search.run(plan, small_store, CampaignTrial)

    assert {row.trial: row.status for row in rows} == {
        name: "failed" if name in bad else "finished" for name in names(range(1, trials + 1))
    }
    assert board(plan).index[0] not in bad
    groups = search_json.read(plan.folder).failed
    assert {trial: group["reason"] for group in groups for trial in group["trials"]} == {
        name: ERRORS[kind] for name, kind in bad.items()
    }
    study = optuna.load_study(study_name="age_bands", storage=f"sqlite:///{plan.folder / 'study.db'}")
    states = [trial.state.name for trial in study.trials]
    assert [state == "FAIL" for state in states] == [name in bad for name in names(range(1, trials + 1))]
    assert set(states) <= {"FAIL", "COMPLETE", "PRUNED"}

    begun = {name: (plan.folder / name / "begun.txt").read_text().split() for name in bad if bad[name] != "setup"}
    assert all(epochs == ["1", *"2222"[: 4 if bad[name] == "exits" else 2]] for name, epochs in begun.items())
    capsys.readouterr()
    assert finish(plan, rows) == 3
    said = capsys.readouterr().out
    assert f"{trials} trials ({len(bad)} failed)" in said
    assert f"{len(bad)} trials failed: {each} x " in said
    campaign.record(trials=trials, bad=len(bad), kinds=len(kinds), exit_code=3)


def test_a_killed_worker_costs_its_trial_one_epoch_at_most(
    campaign: Campaign, make_plan: Callable[..., Plan], small_store: Store, tmp_path: Path
) -> None:
    """Half of the kills in an epoch, half while a checkpoint is half written; at most four for a trial, that may die
    three times without a new epoch."""
    struck, kills = campaign.count(few=(1, 2), many=(5, 4))
    alone = {"resources": Resources(cpus=1, gpus=0, concurrent=1), "budget": Budget(trials=struck + 1), "grace": 9}
    calm = make_plan(folder=tmp_path / "calm/age_bands", **alone)
    search.run(calm, small_store, CurveTrial)
    before = temporary()
    plan = fated(make_plan(**alone), {name: strikes(name)[:kills] for name in names(range(1, struck + 1))})
    search.run(plan, small_store, StruckTrial)

    assert board(plan).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
    folders = [plan.folder / name for name in names(range(1, struck + 1))]
    repeated = [times_repeated(folder) for folder in folders]
    assert repeated == [kills // 2] * struck, "an epoch that was reported and not saved is done again"
    begun = [len((folder / "begun.txt").read_text().split()) for folder in folders]
    assert begun == [9 + kills // 2] * struck, "an epoch in which it was killed was not counted as begun"
    assert [len(list(folder.glob("kill-*"))) for folder in folders] == [kills] * struck
    assert list(plan.folder.rglob(".checkpoint*")) == []
    assert temporary() == before
    campaign.record(
        killed_in_an_epoch=struck * kills // 2, killed_while_saving=struck * kills // 2, epochs_repeated=sum(repeated)
    )


def strikes(name: str) -> list[str]:
    """Two kills in epochs and two in saves, elsewhere for every trial, each after a new epoch."""
    shift = int(name[-1]) % 3
    return [f"kill-{1 + shift}", f"kill-save{2 + shift}", f"kill-{4 + shift}", f"kill-save{6 + shift}"]


def temporary() -> set[str]:
    """Folders in the temporary folder that a checkpoint might leave."""
    return {each.name for each in Path(tempfile.gettempdir()).iterdir() if "checkpoint" in each.name}


def test_a_worker_that_hangs_is_killed_and_its_trial_goes_on(
    campaign: Campaign,
    make_plan: Callable[..., Plan],
    small_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stopped (SIGSTOP) or in an endless loop: in an epoch, while it saves and while it is restored."""
    few = [["stop-save2"], ["kill-3", "loop-load"]]
    hangs = campaign.count(few=few, many=[*everywhere("stop"), *everywhere("loop")])
    trials = names(range(1, len(hangs) + 1))
    monkeypatch.setattr(search, "Watchdog", lambda excused: Watchdog(excused, least=3, first=10))
    plan = make_plan(budget=Budget(trials=len(hangs)), epochs=3, grace=3)
    plan = fated(plan, dict(zip(trials, hangs, strict=True)))
    rows = search.run(plan, small_store, StruckTrial)

    assert [(row.status, row.epochs) for row in rows] == [("finished", 3)] * len(hangs)
    line = r"^(trial-\d+)  hung: no report for [\d.]+ min \(limit 0.[12]?\d*\); its worker was killed, it (.*)$"
    said = re.findall(line, capsys.readouterr().out, re.MULTILINE)
    then = dict.fromkeys(["2", "save2"], "goes on from epoch 1") | dict.fromkeys(["3", "load"], "goes on from epoch 2")
    then["1"] = "begins anew"
    expected = {name: then[fate[-1].split("-")[1]] for name, fate in zip(trials, hangs, strict=True)}
    assert set(said) == set(expected.items())  # a busy machine may take one that begins again for another that hangs
    stopped = sum(fate[-1].startswith("stop") for fate in hangs)
    campaign.record(stopped=stopped, endless_loops=len(hangs) - stopped)


def everywhere(how: str) -> list[list[str]]:
    return [[f"{how}-1"], [f"{how}-2"], [f"{how}-3"], [f"{how}-save2"], ["kill-3", f"{how}-load"]]
