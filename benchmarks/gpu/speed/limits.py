"""How far trials are from what the device can do: memory by batch and crop, matrix products, the largest kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.speed import figures

STEPS = 6
BATCHES, CROPS = (1, 2, 4), (1.0, 0.62)
"""Times half the batch and times the crop of the setting: 32, 64 and 128 photos at 360 and 224."""


def memory(setting: Setting) -> Iterator[Finding]:
    """Peak memory and photos/s of a trial by crop and batch."""
    for crop in CROPS:
        for batch in BATCHES:
            yield _cell(setting, max(4, setting.batch * batch // 2), round(setting.crop * crop))


def _cell(setting: Setting, batch: int, crop: int) -> Finding:
    import torch

    from benchmarks import measure
    from trainable.device import choose, free_cache

    device = choose(setting.device)
    free_cache(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    more: dict[str, Any] = {"train/batch_size": batch, "crop/height": crop, "crop/width": crop}
    trial = setting.trial(STEPS * batch, **more)
    trial._train()
    seconds, found = measure.timed(trial._train, device)
    rate = found["train_photos"] / seconds
    parts = f", in {trial.micro_batches} micro-batches" if trial.micro_batches > 1 else ""
    values = {"photos_per_s": rate, "micro_batches": trial.micro_batches}
    said = f"{rate:,.0f} photos/s{parts}"
    if device.type == "cuda":  # a process's own peak is of all that it has done
        values["gigabytes"] = torch.cuda.max_memory_allocated(device) / 1e9
        said = f"{values['gigabytes']:.2f} GB at most, {said}"
    return Finding(f"crop {crop}, batch {batch}", said, values=values)


def kernels(setting: Setting) -> Iterator[Finding]:
    """What share of the device's rate a trial reaches, and the kernels that its time goes to."""
    from functools import partial

    from benchmarks import measure
    from benchmarks.subject import epoch
    from benchmarks.trial_throughput import limit

    trial = setting.trial(figures.steps(setting) * setting.batch)
    on_gpu = trial.device.type == "cuda"
    flops = sum(limit.flops_per_photo(trial).values())
    products = {
        f"matrix product {size}": limit.product(size, trial.device)
        for size in limit.SIZES[trial.device.type][slice(None) if on_gpu else slice(1)]
    }
    programs = {"trial": partial(epoch, trial), **products}
    rates = measure.in_turn(programs, setting.rounds, trial.device, seconds=setting.seconds / 2)
    best = max(float(rates[name].max()) for name in products)
    share = rates["trial"] * flops / best
    yield Finding(
        "share of the fastest matrix product",
        f"{figures.spread(100 * share, '.1f')}% of {best / 1e12:.3g} TFLOP/s",
        values={**figures.values(share), "flop_per_s": best, "flop_per_photo": flops},
    )
    for number, (name, part) in enumerate(limit.largest_kernels(trial), start=1):
        yield Finding(f"kernel {number}", f"{part:.1%} {_short(name)}", values={"name": name, "share": part})


def _short(name: str, most: int = 90) -> str:
    return name if len(name) <= most else f"{name[:most]}..."


MEMORY = Part("memory", "peak memory and photos/s by crop and batch", 15, memory)
KERNELS = Part("kernels", "share of the measured matrix-product rate, and the ten largest kernels", 15, kernels)
