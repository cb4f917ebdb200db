"""How much of the machine one trial gets, and how many trials run at once."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from errors import OptionError


@dataclass(frozen=True)
class Resources:
    """CPU cores and GPUs of one trial, and the number of trials that run side by side."""

    cpus: int
    gpus: float
    concurrent: int


def cpu_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def price(gpus: float) -> float:
    """What an hour of a trial costs in GPU-hours; without a GPU the hours of trials themselves are counted."""
    return gpus or 1.0


def unit(gpus: float) -> str:
    """What `price` counts in."""
    return "GPU-hours" if gpus else "trial-hours"


def share(
    total_cpus: int, total_gpus: int, cpus_per_trial: int | None = None, gpus_per_trial: float | None = None
) -> Resources:
    """Divide a machine (or a cluster) among trials.

    By default a trial has a GPU to itself and an equal share of the cores. Without a GPU up to four trials (a ResNet50
    in training takes 2 GB) share the cores: two trials of one thread do more than one trial of two.

    Raises:
        OptionError: more is asked for than there is.
    """
    gpus = (1.0 if total_gpus else 0.0) if gpus_per_trial is None else gpus_per_trial
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise OptionError(f"--gpus-per-trial: a fraction up to 1 or a whole number is needed, but got {gpus:g}")
    if gpus > total_gpus:
        raise OptionError(
            f"--gpus-per-trial {gpus:g}: there {_count(total_gpus)} here; leave the option out to use what there is"
        )
    by_gpu = math.floor(total_gpus / gpus) if gpus else None
    cpus = cpus_per_trial
    if cpus is None:
        cpus = max(1, total_cpus // (by_gpu or min(4, total_cpus)))
    if cpus < 1 or cpus > total_cpus:
        raise OptionError(f"--cpus-per-trial {cpus}: between 1 and the {total_cpus} cores of this machine is needed")
    by_cpu = total_cpus // cpus
    return Resources(cpus, gpus, max(1, min(by_cpu, by_gpu) if by_gpu else by_cpu))


def _count(gpus: int) -> str:
    return ("is no GPU", "is 1 GPU")[gpus] if gpus < 2 else f"are {gpus} GPUs"
