"""A real search of a few short trials and its vote: the commands that a person would type, in a folder of their own."""

from __future__ import annotations

import csv
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from benchmarks import subject
from benchmarks.gpu.part import Finding, Part, Setting
from common import search_folder
from common.repository import ROOT

NEEDED = ("ray", "optuna")
TRIALS, EPOCHS = 4, 2
TRAIN_PHOTOS, VAL_PHOTOS, TEST_PHOTOS = 512, 128, 28
ENDED = ("finished", "stopped")


def search(setting: Setting) -> Iterator[Finding]:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        yield Finding("search", f"not tried: {' and '.join(missing)} not installed", values={"missing": missing})
        return
    with tempfile.TemporaryDirectory() as folder:
        store = subject.small_copy(
            setting.store, Path(folder, "store"), train=TRAIN_PHOTOS, val=VAL_PHOTOS, test=TEST_PHOTOS
        )
        run = Run(Path(folder), {**os.environ, **_one_gpu(setting)}, setting.device == "cuda")
        yield from _searched(run, setting, store.path)


def _one_gpu(setting: Setting) -> dict[str, str]:
    """The first that is visible: trials are to follow one another on it."""
    if setting.device != "cuda":
        return {}
    return {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}


class Run:
    """Commands of ours in a folder.

    Attributes:
        seconds: that the last one took.
        peak: bytes that were in use on the GPU at most, by all its processes, beyond what was in use before.
    """

    def __init__(self, folder: Path, environment: dict[str, str], gpu: bool) -> None:
        self.folder, self._environment, self._gpu = folder, environment, gpu
        self.seconds, self.peak, self._before = 0.0, 0, self._used()

    def __call__(self, *command: str) -> tuple[int, str]:
        """Run a command: (exit code, what was printed)."""
        began, log = time.monotonic(), self.folder / "log"
        with log.open("w") as stream:
            running = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
            while running.poll() is None:
                self.peak = max(self.peak, self._used() - self._before)
                time.sleep(0.2)
        self.seconds = time.monotonic() - began
        return running.returncode, log.read_text(errors="replace")

    def _used(self) -> int:
        if not self._gpu:
            return 0
        free, total = torch.cuda.mem_get_info()
        return total - free


def _searched(run: Run, setting: Setting, store: Path) -> Iterator[Finding]:
    runs = run.folder / "runs"
    length = ["--trials", str(TRIALS), "--epochs", str(EPOCHS), "--grace", "1", "--weights", "none"]
    where = ["--data", str(store), "--runs", str(runs), "--name", "gpu-check"]
    code, printed = run("tune_main.py", "--space", "age_bands", "--arch", setting.arch, *where, *length)
    found = runs / "gpu-check"
    if code != 0:
        yield _failed("search", code, printed)
        return
    yield _ended(found, run)
    yield _scores(found)
    yield _where(found, setting)
    if setting.device == "cuda":
        yield Finding("memory", f"{run.peak / 1e9:.1f} GB at most", values={"gpu_peak_bytes": run.peak})
    yield from _turnover(found)
    code, printed = run("-m", "ensemble.select_and_predict", "--search", str(found))
    yield _voted(found, run) if code == 0 else _failed("vote", code, printed)


def _failed(name: str, code: int, printed: str) -> Finding:
    last = next((text for text in reversed(printed.splitlines()) if text.strip()), "nothing was printed")
    return Finding(name, f"exit code {code}: {last.strip()[:300]}", right=False, values={"output": printed[-4000:]})


def _ended(found: Path, run: Run) -> Finding:
    with (found / search_folder.LEADERBOARD).open(newline="") as stream:
        how = Counter(row["status"] for row in csv.DictReader(stream))
    right = how.total() == TRIALS and set(how) <= set(ENDED)
    said = f"{', '.join(f'{n} {status}' for status, n in how.items())} of {TRIALS} trials, {run.seconds:.0f} s in all"
    return Finding("search", said, right, {"trials": dict(how), "seconds": round(run.seconds, 1)})


def _results(found: Path) -> dict[str, list[dict[str, Any]]]:
    """trial -> what it reported, an epoch each; trials in the order in which they were started."""
    reported = {file.parent.name: file.read_text().splitlines() for file in sorted(found.glob("*/result.json"))}
    return {trial: [json.loads(text) for text in lines] for trial, lines in reported.items()}


def _scores(found: Path) -> Finding:
    results = _results(found)
    scores = {trial: [result["val_f1"] for result in epochs] for trial, epochs in results.items()}
    right = len(scores) == TRIALS and all(epochs and all(0 <= f1 <= 1 for f1 in epochs) for epochs in scores.values())
    speeds = [epochs[-1]["photos_per_s"] for epochs in results.values() if epochs]
    said = f"val F1 {', '.join(f'{max(epochs, default=0):.3f}' for epochs in scores.values())}"
    values = {"val_f1": scores, "photos_per_s": speeds}
    return Finding("scores", f"{said}; last epochs at {statistics.median(speeds or [0]):.0f} photos/s", right, values)


def _where(found: Path, setting: Setting) -> Finding:
    """By what the trials themselves have written down."""
    wanted = torch.cuda.get_device_name() if setting.device == "cuda" else "CPU"
    logs = {file.parent.name: file.read_text() for file in found.glob(f"*/{search_folder.TRIAL_LOG}")}
    elsewhere = sorted(trial for trial, said in logs.items() if wanted not in said)
    if len(logs) == TRIALS and not elsewhere:
        return Finding("device", f"all trials ran on {wanted}", right=True)
    return Finding("device", f"{len(logs)} trials say where they ran; not on {wanted}: {', '.join(elsewhere)}", False)


def _turnover(found: Path) -> Iterator[Finding]:
    """Time it from a trial's last result to the next one's beginning, by when their files were written."""
    if json.loads((found / search_folder.SEARCH).read_text())["resources"]["concurrent"] != 1:
        return
    trials = sorted(file.parent for file in found.glob(f"*/{search_folder.TRIAL_LOG}"))
    gaps = [
        (following / search_folder.TRIAL_LOG).stat().st_mtime - (last / "result.json").stat().st_mtime
        for last, following in itertools.pairwise(trials)
    ]
    if gaps:
        said = f"{statistics.median(gaps):.2f} s from trial to trial ({', '.join(f'{gap:.2f}' for gap in gaps)})"
        yield Finding("turnover", said, values={"turnover_s": [round(gap, 3) for gap in gaps]})


def _voted(found: Path, run: Run) -> Finding:
    about = json.loads((found / search_folder.ENSEMBLE).read_text())
    members, views = len(about["members"]), len(about["views"])
    said = f"{members} of {TRIALS} trials vote, {views} view{'s' if views > 1 else ''} of a photo, {run.seconds:.0f} s"
    return Finding("vote", said, right=members > 0, values={"members": members, "seconds": round(run.seconds, 1)})


PART = Part("search", f"searches with Ray, {TRIALS} trials of {EPOCHS} epochs, and votes", 71, search)
