"""What trials run on: this machine, or a cluster that is joined to see how large it is."""

from __future__ import annotations

import argparse
import dataclasses
import math
from dataclasses import dataclass

from common import machine
from common.security import terminal
from common.wording import counted, things
from tuning.plan import resources as sharing
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.storage import home


@dataclass(frozen=True)
class Machine:
    """This machine, or the cluster at an address.

    Attributes:
        nodes: CPU cores and GPUs of each.
        cluster: HOST:PORT of its Ray, or "auto"; None: trials run here, in a Ray of their own.
        install: Ray installs the packages on the cluster's nodes.
        seen: it was asked what it has. A dry run leaves a cluster alone: a node that one trial fits on stands for it.
    """

    nodes: tuple[tuple[int, int], ...]
    cluster: str | None = None
    install: bool = False
    seen: bool = True

    def resources(self, cpus_per_trial: int | None, gpus_per_trial: float | None) -> Resources:
        """Raises OptionError: a trial is to have more than there is."""
        return sharing.share_nodes(self.nodes, cpus_per_trial, gpus_per_trial)

    def planned_here(self, plan: Plan, options: argparse.Namespace) -> Plan:
        """The plan with what a trial can have here, and as many at a time as fit: it may be of another machine.

        Raises:
            OptionError: a trial is to have more than there is.
        """
        if not self.seen:
            return plan
        fitting = sharing.share_again(self.nodes, plan.resources)
        cpus, gpus = options.cpus_per_trial, options.gpus_per_trial
        if cpus or gpus is not None:
            fitting = self.resources(cpus or fitting.cpus, fitting.gpus if gpus is None else gpus)
        return dataclasses.replace(plan, resources=fitting)

    def start(self, plan: Plan) -> None:
        """Start Ray here, or make sure that the cluster's nodes are fit for trials.

        Raises:
            SearchError: one is not. WeightsError, UriError: they cannot have the weights that trials start from.
        """
        from tuning.cluster import checks, session, weights

        where = "Checking the cluster's machines" if self.cluster else "Starting Ray here"
        terminal.say(f"{where}; then workers start, and the first line follows the first epoch.\n")
        session.start_ray(self.cluster, self.install)
        if self.cluster:
            seconds = checks.INSTALL_SECONDS if self.install else checks.ANSWER_SECONDS
            checks.check(home.of(plan).runs, plan.store, seconds)
            weights.share_weights(plan)


def asked_for(options: argparse.Namespace) -> Machine:
    """What the options say that trials run on.

    Raises:
        OptionError: as for `joined`.
    """
    if not options.address:
        return this_machine()
    if options.dry_run:
        return _unseen(options.address, options.cpus_per_trial or 1, options.gpus_per_trial)
    return joined(options.address, options.install_packages)


def _unseen(cluster: str, cpus: int, gpus: float | None) -> Machine:
    return Machine(((cpus, 1 if gpus is None else math.ceil(gpus)),), cluster, seen=False)


def joined(cluster: str, install: bool) -> Machine:
    """The `cluster`, at HOST:PORT or "auto", of which this process is now a part.

    Raises:
        OptionError: none answers there, or it wants another token.
    """
    from tuning.cluster import joining, session

    joining.check_cluster(cluster)
    session.start_ray(cluster, install)
    return Machine(tuple(joining.sizes()), cluster, install)


def this_machine() -> Machine:
    import torch  # takes seconds: only who runs trials waits for it

    return Machine(((machine.cpu_cores(), torch.cuda.device_count()),))


def changes(before: Plan, now: Plan) -> list[str]:
    """What a trial has, and how many run at a time, where that is not as it was."""
    was, here = before.resources, now.resources
    found = []
    if (was.cpus, was.gpus) != (here.cpus, here.gpus):
        found.append(f"a trial has {sharing.trial_in_words(here)} now, and had {sharing.trial_in_words(was)}")
    if bool(was.gpus) != bool(here.gpus):
        found.append(
            f"what was spent before was counted in {sharing.unit(was.gpus)}, and now {sharing.unit(here.gpus)}"
        )
    if here.concurrent != was.concurrent:
        fits = things(here.concurrent, "fits", "fit")
        found.append(f"{counted(here.concurrent, 'trial')} at a time {fits} here, and {was.concurrent} did before")
    return found
