"""Whether the host runs ahead of the GPU: in an epoch it waits as often however many batches there are."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import measure
from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import computing_in, device_of, trial_on
from trainable.device import amp_dtype
from trainable.loop import Trial
from trainable.photos.feed import Resident, Streamed

BATCHES = 5
"""Of the shorter epoch; the longer one has twice as many."""

WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")
"""Calls of CUDA's that return when the GPU has come so far."""
PAGEABLE = "Pageable"
"""In the name of a copy whose memory on the host is not page-locked: the host waits for it."""
LAUNCH = "LaunchKernel"
"""In the names of calls that a profile of a GPU cannot be without: cudaLaunchKernel, cuLaunchKernelEx."""
COMPLAINT = "called a synchronizing CUDA operation"
"""What torch says of its own, when asked to."""

EVERYTHING = {"augment/cutmix": 0.4, "augment/halves": 0.3, "augment/erasing": 0.4, "train/ema": 0.99}


def no_waiting(setting: Setting) -> Iterator[Finding]:
    device = device_of(setting)
    if device.type != "cuda":
        yield Finding("no waiting", "needs a GPU")
        return
    for dtype in dict.fromkeys((amp_dtype(device), torch.float16)):  # float16 has a scaler
        with computing_in(dtype):
            yield from _of_feeds(setting, str(dtype).removeprefix("torch."))


def _of_feeds(setting: Setting, dtype: str) -> Iterator[Finding]:
    trial = trial_on(setting, 2 * BATCHES, EVERYTHING, batch=setting.batch)
    for feed in (Streamed(trial.store, trial.device), Resident(trial.store, trial.device, trial._rows)):
        trial._feed = feed
        few, many = (_waits(trial, steps) for steps in (BATCHES, 2 * BATCHES))
        yield finding(f"no waiting, {type(feed).__name__}, {dtype}", few, many)


def _waits(trial: Trial, steps: int) -> Counter[str]:
    """How often the host waits in an epoch, by what for; LAUNCH: kernels that it started, which is no waiting."""
    _short_epoch(trial, steps)  # memory is asked for, and convolutions are searched for, only once
    return waits(_profiled(trial, steps)) + Counter({COMPLAINT: _complaints(trial, steps)})


def waits(events: Iterable[Any]) -> Counter[str]:
    """Count those of a profile's events that make the host wait, by name, and the launches of kernels, as LAUNCH."""
    names = [event.name for event in events]
    found = Counter(name for name in names if name in WAITING or PAGEABLE in name)
    return found + Counter({LAUNCH: sum(LAUNCH in name for name in names)})


def finding(name: str, few: Counter[str], many: Counter[str]) -> Finding:
    """Whether waits grow with the number of batches: by one every other batch or more."""
    kinds = many.keys() - {LAUNCH}
    grown = sorted(each for each in kinds if many[each] - few[each] >= BATCHES / 2)
    said = ", ".join(f"{each} {few[each]} and {many[each]} times" for each in grown)
    said = said or f"the host waits {few.total() - few[LAUNCH]} and {many.total() - many[LAUNCH]} times"
    said += f" in epochs of {BATCHES} and {2 * BATCHES} batches"
    if not many[LAUNCH]:
        said += ", as far as torch itself knows: the profiler saw no call of CUDA's"
    return Finding(name, said, not grown, {"few": dict(few), "many": dict(many)})


def _profiled(trial: Trial, steps: int) -> list[Any]:
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], acc_events=True) as profiler:
        _short_epoch(trial, steps)
        measure.synchronize(trial.device)
    return list(profiler.events())


def _complaints(trial: Trial, steps: int) -> int:
    """A second opinion, torch's own: it knows its operators, but not what libraries do."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            _short_epoch(trial, steps)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum(COMPLAINT in str(each.message) for each in heard)


def _short_epoch(trial: Trial, steps: int) -> None:
    with _first_photos(trial, steps * trial.config.train.batch_size):
        trial._train()


@contextmanager
def _first_photos(trial: Trial, photos: int) -> Iterator[None]:
    """Inside, the trial has only these train photos; it keeps its weights, feed and optimizer."""
    rows, classes = trial._rows, trial._classes
    try:
        trial._rows, trial._classes = rows[:photos], classes[:photos]
        yield
    finally:
        trial._rows, trial._classes = rows, classes
