"""The plan of a search that begins, from the options; and of one that goes on, for the machine that it goes on with."""

from __future__ import annotations

import argparse

from common.security import terminal
from data_prep.node_copy import absolute
from data_prep.sample import store as sample
from data_prep.store.store import Store
from trainable.config import parse_setting
from tuning.command import machine as machines
from tuning.command.machine import Machine
from tuning.command.options import limits
from tuning.plan import points, profiles, settings
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.spaces import Space
from tuning.storage.home import Home


def planned(options: argparse.Namespace, space: Space, place: Home, store: Store | None, machine: Machine) -> Plan:
    """What would run; without a store as it would on the sample.

    Raises:
        OptionError, ConfigError, SpaceError: an option that this space, store or machine does not allow.
    """
    resources = machine.resources(options.cpus_per_trial, options.gpus_per_trial)
    chosen, bands = profiles.SAMPLE, None
    if store:
        space = settings.for_task(space, store.task)
        chosen = profiles.for_store(store, gpu=resources.gpus > 0, weights=options.weights)
        bands = store.bands if "age" in store.task.factors else None
    asked = {name: getattr(options, name) for name in ("epochs", "arch", "weights", "seed")}
    also = dict(map(parse_setting, options.set))
    shared = settings.shared_settings(space, chosen, **asked, bands=bands, also=also)
    epochs = settings.full_length(shared)
    return Plan(
        folder=place.folder,
        remote=place.uri,
        space=settings.with_profile(settings.with_bands(space, bands) if bands else space, chosen),
        profile=chosen,
        store=absolute(options.data or sample.STORE),
        settings=shared,
        budget=Budget.of(limits(options), chosen.trials).for_points(points.count(space.distributions)),
        epochs=epochs,
        grace=options.grace or min(chosen.grace_of(space.distributions), epochs),
        reduction=options.reduction or chosen.reduction,
        keep=options.keep or profiles.KEEP,
        resources=resources,
        seed=options.seed,
        deterministic=options.deterministic,
        compile=options.compile,
        pictures=not options.no_pictures,
    )


def planned_here(plan: Plan, machine: Machine, options: argparse.Namespace) -> Plan:
    """The plan with what trials can have here, and are to have; what is not as it was is said."""
    here = machine.planned_here(plan, options)
    for note in machines.changes(plan, here):
        terminal.say(f"Note: {note}.")
    return here
