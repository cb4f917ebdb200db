"""How much of the machine one trial gets, and how many trials run at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import OptionError
from common.wording import counted


@dataclass(frozen=True)
class Resources:
    """CPU cores and GPUs of one trial, and the number of trials that run side by side."""

    cpus: int
    gpus: float
    concurrent: int


def price(gpus: float) -> float:
    """What an hour of a trial costs in GPU-hours; without a GPU the hours of trials themselves are counted."""
    return gpus or 1.0


def unit(gpus: float) -> str:
    """What `price` counts in."""
    return "GPU-hours" if gpus else "trial-hours"


def share(
    total_cpus: int, total_gpus: int, cpus_per_trial: int | None = None, gpus_per_trial: float | None = None
) -> Resources:
    """Divide a machine among trials.

    By default a trial has a GPU to itself and an equal share of the cores. Without a GPU up to four trials (a ResNet50
    in training takes 2 GB) share the cores: two trials of one thread do more than one trial of two.

    Raises:
        OptionError: more is asked for than there is.
    """
    return share_nodes([(total_cpus, total_gpus)], cpus_per_trial, gpus_per_trial)


def share_nodes(
    nodes: Sequence[tuple[int, int]], cpus_per_trial: int | None = None, gpus_per_trial: float | None = None
) -> Resources:
    """Divide the machines of a cluster among trials: a trial is on one of them.

    Args:
        nodes: CPU cores and GPUs of each.
        cpus_per_trial: by default the smallest share that `share` would give on a machine that trials fit on.

    Raises:
        OptionError: more is asked for than one of them has, or there are none.
    """
    if not nodes:
        raise OptionError("--address: no machine of the cluster has a CPU core for trials; start Ray with some on one")
    most = max(gpus for _, gpus in nodes)
    gpus = (1.0 if most else 0.0) if gpus_per_trial is None else gpus_per_trial
    if not 0 <= gpus < math.inf or (gpus > 1 and gpus != int(gpus)):
        raise OptionError(f"--gpus-per-trial: a fraction up to 1 or a whole number is needed, but got {gpus:g}")
    if gpus > most:
        where = "here" if len(nodes) == 1 else "on the machine that has most"
        raise OptionError(
            f"--gpus-per-trial {gpus:g}: there {_count(most)} {where}; leave the option out to use what there is"
        )
    usable = [(cores, _trials(there, gpus)) for cores, there in nodes if there >= gpus]
    cpus = cpus_per_trial
    if cpus is None:
        cpus = min(max(1, cores // (by_gpu or min(4, cores))) for cores, by_gpu in usable)
    largest = max(cores for cores, _ in usable)
    if cpus < 1 or cpus > largest:
        which = "this machine" if len(nodes) == 1 else "the largest machine for such trials"
        raise OptionError(f"--cpus-per-trial {cpus}: between 1 and the {counted(largest, 'core')} of {which} is needed")
    by_node = [cores // cpus if by_gpu is None else min(cores // cpus, by_gpu) for cores, by_gpu in usable]
    return Resources(cpus, gpus, sum(by_node))


def share_again(nodes: Sequence[tuple[int, int]], had: Resources) -> Resources:
    """Divide machines among trials of a search that began elsewhere: each gets what trials had, or what there is."""
    gpus = min(had.gpus, max((there for _, there in nodes), default=0))
    largest = max((cores for cores, there in nodes if there >= gpus), default=1)
    return share_nodes(nodes, min(had.cpus, largest), gpus)


def trial_in_words(resources: Resources) -> str:
    """Say what a trial has: "1 GPU + 8 cores"; "2 cores, no GPU"."""
    cores = counted(resources.cpus, "core")
    return f"{resources.gpus:g} GPU + {cores}" if resources.gpus else f"{cores}, no GPU"


def _trials(there: int, gpus: float) -> int | None:
    """How many trials of `gpus` GPUs each fit on so many: a fraction is of one GPU. None: they need none."""
    if not gpus:
        return None
    return there * math.floor(1 / gpus) if gpus < 1 else there // int(gpus)


def _count(gpus: int) -> str:
    return ("is no GPU", "is 1 GPU")[gpus] if gpus < 2 else f"are {gpus} GPUs"
