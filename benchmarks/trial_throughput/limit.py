"""How far a trial is from what its device can compute, and where the time goes.

The limit is the fastest square matrix product that this device does in the trial's own dtype. A profile of the trial's
own epoch says which operators take the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import measure, subject
from benchmarks.measure import Table
from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.device import amp_dtype, autocast
from trainable.loop import Trial
from trainable.photos import augment
from trainable.photos.feed import Feed
from trainable.recipe import losses

SIZES = {"cpu": (1024, 2048, 4096), "cuda": (2048, 4096, 8192)}
WORK = {"cpu": 1e11, "cuda": 2e13}
"""FLOPs of one timing of a matrix product: of the order of a second or less."""

PROFILED_STEPS = 12

EPOCH, DATA, LOSS, OPTIMIZER = "epoch", "data: read, augment", "loss", "optimizer"
PYTHON, IDLE, OTHER = "Python, reading, waiting", "GPU idle", "other"
REGIONS = {DATA: DATA, LOSS: LOSS, "Optimizer.": OPTIMIZER}
"""Start of a marked region's name -> group of everything that runs in it. torch marks the optimizer's steps itself."""

GROUPS: Mapping[str, Sequence[str]] = {
    "convolution": ("conv",),
    "batch norm": ("batch_norm", "batchnorm", "layer_norm", "layernorm"),
    "pooling": ("pool",),
    "matrix products": ("addmm", "aten::mm", "linear"),
    "copies and casts": ("copy", "aten::to", "clone", "contiguous", "memcpy", "accumulategrad"),
    "allocating, zeroing": ("empty", "zero", "fill", "memset", "new_full", "ones"),
    "ReLU, additions, other elementwise": ("relu", "threshold", "add", "mul", "div", "sub", "silu", "gelu", "sigmoid"),
}
"""Group -> parts of operator names in lower case; the first group that fits."""


def compare(trial: Trial, epoch: Callable[[], int], constant: Callable[[], int], rounds: int) -> Table:
    """FLOP/s of an epoch of the trial, of one on a constant batch, and of matrix products, measured in turn.

    Args:
        epoch, constant: train for an epoch and return how many photos that was.
    """
    flops, device = flops_per_photo(trial), trial.device
    training = {"trial": epoch, "constant batch": constant}
    products = {f"matrix product {size}": product(size, device) for size in SIZES[device.type]}
    rates = measure.in_turn({**training, **products}, rounds, device, units=dict.fromkeys(products, "FLOP/s"))
    limit = max(float(rates[name].max()) for name in products)
    rows = [[f"{name}, photos/s", *measure.spread(rates[name]), ""] for name in training]
    for name, rate in rates.items():
        found = measure.spread(rate * (sum(flops.values()) if name in training else 1))
        rows.append([f"{name}, TFLOP/s", *(value / 1e12 for value in found), f"{found[0] / limit:.1%}"])
    return Table(
        "How far from the device's limit",
        {**measure.machine(device), **subject.facts(trial), "photos": len(trial._rows), "n =": rounds},
        ["", "median", "min", "max", "median of the limit"],
        rows,
        f"Forward and backward of a photo: {flops['convolutions'] / 1e9:.3g} GFLOP in convolutions, "
        f"{flops['others'] / 1e9:.2g} in other products. The limit is the fastest of all matrix products, "
        f"{limit / 1e12:.3g} TFLOP/s.",
    )


def product(size: int, device: torch.device) -> Callable[[], float]:
    """Work that multiplies square matrices in the trial's dtype a few times. It returns its FLOPs."""
    left, right = (torch.randn(size, size, device=device).to(amp_dtype(device)) for _ in range(2))
    out, once = left @ right, 2 * size**3
    repeats = max(1, round(WORK[device.type] / once))

    def multiply() -> float:
        for _ in range(repeats):
            torch.mm(left, right, out=out)
        return float(repeats * once)

    return multiply


def flops_per_photo(trial: Trial) -> dict[str, float]:
    """FLOPs of one photo's forward and backward, a multiplication and an addition being two: those of convolutions and
    those of all other matrix products. The trial's weights stay; its running batch statistics move."""
    images = torch.zeros(4, 3, *trial.preprocessing.size, device=trial.device)
    trial.model.train()
    with FlopCounterMode(display=False) as counter:
        with autocast(trial.device):
            logits = trial.model(images.contiguous(memory_format=torch.channels_last))
        logits.float().sum().backward()
    trial.model.zero_grad(set_to_none=True)
    total, found = float(counter.get_total_flops()), counter.get_flop_counts()["Global"]
    convolutions = float(sum(count for operator, count in found.items() if "conv" in str(operator)))
    return {"convolutions": convolutions / len(images), "others": (total - convolutions) / len(images)}


def where_time_goes(config: TrialConfig, store: Store, device: torch.device, compile: bool = False) -> Table:
    """Self time of the operators of a few training steps by group. On a GPU it is the kernels' time."""
    size = config.train.batch_size
    trial = subject.trial_on(config, subject.few(store, PROFILED_STEPS * size, config), device, compile)
    flops, photos = flops_per_photo(trial), trial._train()["train_photos"]
    on_gpu = trial.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    trial._feed = MarkedFeed(trial._feed)
    with marked_regions(), profile(activities=activities, acc_events=True) as profiler:
        seconds, _ = measure.timed(lambda: _in_region(EPOCH, trial._train), trial.device)
    found = by_group(self_times(profiler.events(), on_gpu))
    if on_gpu:
        found[IDLE] = max(0.0, seconds - sum(found.values()))
    total = sum(found.values())
    convolving = found.get("convolution", 0.0)
    note = (
        f"In this run convolutions alone do {flops['convolutions'] * photos / convolving / 1e12:.3g} TFLOP/s."
        if convolving
        else ""
    )
    return Table(
        "Where the time of training steps goes",
        {**measure.machine(trial.device), **subject.facts(trial), "photos": photos},
        ["", "ms a step", "share"],
        [
            [name, value * 1e3 / -(-photos // size), f"{value / total:.1%}"]
            for name, value in sorted(found.items(), key=lambda item: -item[1])
        ],
        f"{note} The profiler itself slows small operators down: shares, not speeds.".strip(),
    )


class MarkedFeed:
    """A feed whose batches are waited for, or gathered, in the marked region of the data."""

    def __init__(self, feed: Feed) -> None:
        self.store, self.device, self._feed = feed.store, feed.device, feed

    def batches(self, *args: Any) -> Iterator[torch.Tensor]:
        batches = self._feed.batches(*args)
        while (batch := _in_region(DATA, lambda: next(batches, None))) is not None:
            yield batch


@contextmanager
def marked_regions() -> Iterator[None]:
    """The trial's augmentation and loss, each under a name that its operators can be found by."""
    with ExitStack() as stack:
        for owner, name, region in ((augment, "apply", DATA), (losses, "combined", LOSS)):
            marked = _marked(getattr(owner, name), region)
            stack.enter_context(patch.object(owner, name, marked))
        yield


def largest_kernels(trial: Trial, most: int = 10) -> list[tuple[str, float]]:
    """The kernels (on a CPU: the operators) that an epoch's training spends its time in, and their shares.

    Returns:
        (name, share of all kernels' time in 0..1), the largest first.
    """
    on_gpu = trial.device.type == "cuda"
    kind = DeviceType.CUDA if on_gpu else DeviceType.CPU
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities, acc_events=True) as profiler:
        measure.timed(trial._train, trial.device)
    times = {
        each.key: (each.self_device_time_total if on_gpu else each.self_cpu_time_total)
        for each in profiler.key_averages()
        if each.device_type == kind
    }
    total = sum(times.values())
    return sorted(((name, spent / total) for name, spent in times.items()), key=lambda each: -each[1])[:most]


def self_times(events: Sequence[Any], on_gpu: bool) -> Iterator[tuple[list[str], float]]:
    """List for each event on the CPU its name and those of the events around it, innermost first, and the seconds that
    it took itself (on a GPU: the kernels that it launched itself).

    Without a GPU only the epoch's own thread counts: what others do meanwhile costs no time of its own.
    """
    for event in events:
        if event.device_type == DeviceType.CPU:
            names, around = [], event
            while around is not None:
                names.append(around.name)
                around = around.cpu_parent
            if on_gpu or names[-1] == EPOCH:
                yield names, (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6


def by_group(times: Iterator[tuple[list[str], float]]) -> dict[str, float]:
    """Seconds of each group; what took none is left out."""
    found: dict[str, float] = {}
    for names, seconds in times:
        if seconds > 0:
            name = group(names)
            found[name] = found.get(name, 0.0) + seconds
    return found


def group(names: Sequence[str]) -> str:
    """The group of an event, from its name and those around it, innermost first: the marked region that it is in, or
    else what its own name says."""
    for name in names:
        for start, region in REGIONS.items():
            if name.startswith(start):
                return region
    if names[0] == EPOCH:
        return PYTHON
    own = names[0].lower()
    return next((label for label, parts in GROUPS.items() if any(part in own for part in parts)), OTHER)


def _marked(function: Callable[..., Any], region: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: _in_region(region, lambda: function(*args, **kwargs))


def _in_region(region: str, work: Callable[[], Any]) -> Any:
    with record_function(region):
        return work()
