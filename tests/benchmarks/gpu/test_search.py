from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import search
from benchmarks.gpu.part import Finding
from common.repository import ROOT


def searched(folder: Path, *statuses: str, device: str = "CPU, 1 threads") -> Path:
    """What a search leaves behind, as far as it is looked at: trials that took 10 s, half a second apart."""
    for number, _ in enumerate(statuses):
        trial = folder / f"trial-{number + 1:03d}"
        trial.mkdir(parents=True)
        (trial / "result.json").write_text('{"val_f1": 0.25, "photos_per_s": 20.0}\n' * 2)
        (trial / "trial.log").write_text(f"seed 42; {device}, float32")
        began = 1e9 + 10.5 * number
        os.utime(trial / "trial.log", (began, began))
        os.utime(trial / "result.json", (began + 10, began + 10))
    (folder / "leaderboard.csv").write_text("\n".join(["status", *statuses]) + "\n")
    (folder / "search.json").write_text('{"resources": {"concurrent": 1}}')
    (folder / "ensemble.json").write_text('{"members": [{}, {}], "views": [{}]}')
    return folder


def looked(folder: Path) -> dict[str, Finding]:
    """What the part finds where each of the two commands leaves `folder` behind and exits with 0."""

    class Run:
        seconds, peak = 41.0, 0

        def __call__(self, *command: str) -> tuple[int, str]:
            return 0, ""

    run = Run()
    run.folder = folder.parent.parent
    return {finding.name: finding for finding in search._searched(run, command.SETTINGS["cpu"], folder)}


def test_a_search_in_which_all_went_well_is_right(tmp_path: Path) -> None:
    found = looked(searched(tmp_path / "runs" / "gpu-check", "finished", "stopped", "finished", "finished"))
    assert {name: finding.right for name, finding in found.items()} == {
        "search": True,
        "scores": True,
        "device": True,
        "turnover": None,
        "vote": True,
    }
    assert found["search"].said == "3 finished, 1 stopped of 4 trials, 41 s in all"
    assert found["scores"].said == "val F1 0.250, 0.250, 0.250, 0.250; last epochs at 20 photos/s"
    assert found["turnover"].values["turnover_s"] == [0.5, 0.5, 0.5]
    assert found["vote"].said == "2 of 4 trials vote, 1 view of a photo, 41 s"


def test_a_search_with_a_failed_or_lost_trial_or_one_on_another_device_is_a_fault(tmp_path: Path) -> None:
    found = looked(searched(tmp_path / "a" / "runs" / "gpu-check", "finished", "failed", "finished", "finished"))
    assert found["search"].right is False
    found = looked(searched(tmp_path / "b" / "runs" / "gpu-check", *["finished"] * 3, device="NVIDIA H100"))
    assert [found[name].right for name in ("search", "scores", "device")] == [False, False, False]
    assert found["device"].said == "3 trials say where they ran; not on CPU: trial-001, trial-002, trial-003"


def test_a_command_that_fails_is_named_by_its_last_line() -> None:
    failed = search._failed("vote", 2, "working\nerror: no trial has predictions\n\n")
    assert (failed.said, failed.right) == ("exit code 2: error: no trial has predictions", False)


def test_a_command_is_run_and_timed(tmp_path: Path) -> None:
    run = search.Run(tmp_path, dict(os.environ), gpu=False)
    assert run("-c", "import os; print(os.getcwd()); raise SystemExit(5)") == (5, f"{ROOT}\n")
    assert run.seconds > 0


def test_without_ray_no_search_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    (finding,) = search.search(command.SETTINGS["cpu"])
    assert (finding.said, finding.right) == ("not tried: ray and optuna not installed", None)
    assert finding.values["missing"] == ["ray", "optuna"]
