"""How much of a trial's time is the model's: photos/s of a trial's epoch against the same model on one constant batch.

    python -m benchmarks.trial_throughput --store data/sample-96x72

Both train in turn in one process, n times; the ratio is taken pair by pair. 1.0 would mean that reading, augmenting,
the losses and the schedule cost nothing.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch

from command_line import exit_code, positive
from data_prep.store import Store
from trainable import batches, device, losses
from trainable.config import TrialConfig
from trainable.loop import Trial
from tuning import profile


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    store = Store.open(options.store)
    settings = {**profile.for_store(store.profile).settings, "model/arch": options.arch, "model/weights": "none"}
    trial = Trial(TrialConfig.from_flat(settings), store, device.choose())
    photos = len(batches.training_set(trial.config.labels, store)[0])
    trial._train()  # warm-up
    pairs = np.array(
        [(photos / timed(trial._train), photos / timed(lambda: constant(trial, photos))) for _ in range(options.n)]
    )
    ratios = pairs[:, 0] / pairs[:, 1]
    print(
        f"{platform.processor() or platform.machine()}, {trial.device}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {options.arch}, batch {trial.config.train.batch_size}, n = {options.n}"
    )
    for name, values in (
        ("trial, photos/s", pairs[:, 0]),
        ("constant batch, photos/s", pairs[:, 1]),
        ("ratio", ratios),
    ):
        low, middle, high = np.quantile(values, [0, 0.5, 1])
        print(f"  {name:<26} median {middle:7.3f}   min {low:7.3f}   max {high:7.3f}")
    return 0


def constant(trial: Trial, photos: int) -> None:
    """An epoch's worth of steps of model, loss and optimizer on one batch that is already on the device."""
    size = trial.config.train.batch_size
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(size, 3, *trial._crop, generator=generator).to(trial.device, memory_format=torch.channels_last)
    target = torch.randint(18, (size,), generator=generator).to(trial.device)
    trial.model.train()
    for part in batches.slices(photos, size, smallest=batches.SMALLEST):
        n = part.stop - part.start
        with device.autocast(trial.device):
            logits = trial.model(images[:n])
        loss = losses.combined(logits, target[:n], trial.config.loss).total
        trial._optimizer.zero_grad(set_to_none=True)
        trial._scaler.scale(loss).backward()
        trial._scaler.step(trial._optimizer)
        trial._scaler.update()


def timed(work: object) -> float:
    """Seconds, with the GPU's queue empty at both ends."""
    synchronize()
    start = time.perf_counter()
    work()  # type: ignore[operator]
    synchronize()
    return time.perf_counter() - start


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m benchmarks.trial_throughput", description=__doc__.splitlines()[0])
    result.add_argument("--store", type=Path, required=True, help="a dataset store")
    result.add_argument("--arch", default="resnet50")
    result.add_argument("--threads", type=positive, default=1, help="CPU threads (default: 1)")
    result.add_argument("-n", type=positive, default=5, help="pairs of epochs (default: 5)")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
