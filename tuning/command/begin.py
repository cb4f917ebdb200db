"""Begins a search: plans it, says what would run, checks what can be checked before it, and runs it."""

from __future__ import annotations

import argparse
import dataclasses

from common.security import terminal
from data_prep.node_copy import open_store
from data_prep.sample import store as sample
from data_prep.store.store import Store
from data_prep.task import REFERENCE
from tuning import preflight
from tuning.command import machine as machines
from tuning.command.ending import dry_run
from tuning.command.options import fresh_seeds, hashed
from tuning.command.planning import planned
from tuning.plan import describe
from tuning.plan.spaces import Space
from tuning.storage import home, naming


def begin(space: Space, options: argparse.Namespace, began: float) -> int:
    """Search the space; `began` is when the command was started, on time.monotonic's clock."""
    runs = home.at(options.runs)
    place = naming.new_home(runs, space.name, options.name)
    store = _store(options)
    machine = machines.asked_for(options)
    plan = planned(options, space, place, store, machine)
    terminal.say(f"{describe.in_words(plan, store.task if store else REFERENCE, machine.seen)}\n")
    if options.confirm:
        how = fresh_seeds(options), options.folds
        terminal.say(f"{describe.confirmation_in_words(plan, options.confirm, *how)}\n")
    if options.dry_run:
        preflight.check_files(plan, store.task if store else REFERENCE)
        return dry_run.end(plan, options.answer)

    from tuning import search  # Ray takes seconds: a dry run does without
    from tuning.command import confirm
    from tuning.command.ending.finish import finish

    assert store is not None
    preflight.check(plan, store, local=options.address is None)
    machine.start(plan)
    place = naming.reserved_home(runs, space.name, options.name)
    if place.folder != plan.folder:
        terminal.say(f"Note: another search took {plan.name} meanwhile; this one is {place.folder.name}.")
    plan = dataclasses.replace(plan, folder=place.folder, remote=place.uri)
    code = finish(plan, search.run(plan, store, began=began), options.answer)
    return confirm.if_asked(code, plan, options, machine)


def _store(options: argparse.Namespace) -> Store | None:
    """The store to search on; None for a dry run on a sample that is not there yet."""
    if options.data is None and not sample.STORE.exists():
        if options.dry_run:
            return None
        sample.make()
    return open_store(options.data or sample.STORE, verify=hashed(options), say=terminal.say, progress=True)
