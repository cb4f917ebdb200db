"""One search, from arguments to leaderboard.

    python tune_main.py --space age_bands

Without --data it searches on the built-in sample: portraits are drawn and prepared first, once. Afterwards

    tensorboard --logdir runs/age_bands
    python -m ensemble.select_and_predict
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common import ray_cluster
from common.command_line import exit_code
from common.errors import OptionError
from common.search_record import State
from data_prep.task import REFERENCE
from tuning import signals
from tuning.command import machine as machines
from tuning.command.machine import Machine
from tuning.command.options import check, check_resumed, limits, parser
from tuning.plan import describe, profiles, settings, spaces
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan, from_record
from tuning.storage import home, naming
from tuning.storage.home import Home

if TYPE_CHECKING:  # torch and Ray take seconds to import: --help and a mistyped space should not wait for them
    from rich.table import Table

    from data_prep.store.store import Store
    from tuning.records.rows import Row

SAMPLE = Path("data/sample")
SAMPLE_STORE = Path("data/sample-96x72")
SAMPLE_SIZE = (96, 72)


def main(arguments: list[str] | None = None) -> int:
    began = time.monotonic()
    options = parser().parse_args(arguments)
    if options.list_spaces:
        return _list_spaces()
    check(options)
    if options.address:
        ray_cluster.use_token()
    if options.resume:
        return _resume(options, began)
    if options.space is None:
        raise OptionError("--space: name what to search, as in --space age_bands; --list-spaces shows what there is")
    return _search(options, began)


def _search(options: argparse.Namespace, began: float) -> int:
    """Plan a new search, check what can be checked before it, and run it."""
    space = spaces.load(options.space)
    runs = home.at(options.runs)
    place = naming.new_home(runs, space.name, options.name)
    store = _store(options)
    machine = _machine(options)
    plan = _plan(options, space, place, store, machine)
    print(f"{describe.in_words(plan, store.task if store else REFERENCE)}\n", flush=True)
    if options.dry_run:
        print("A dry run: nothing was started.")
        return 0

    from tuning import preflight, search

    assert store is not None
    preflight.check(plan, store, local=options.address is None)
    machine.start(plan)
    place = naming.reserved_home(runs, space.name, options.name)
    if place.folder != plan.folder:
        print(f"Note: another search took {plan.name} meanwhile; this one is {place.folder.name}.", flush=True)
    plan = dataclasses.replace(plan, folder=place.folder, remote=place.uri)
    code = _finish(plan, search.run(plan, store, began=began))
    return _and_confirm(code, plan, options, machine)


def _resume(options: argparse.Namespace, began: float) -> int:
    """Go on with a search; one that has ended and is given nothing more is only confirmed."""
    check_resumed(options)

    from tuning import resume, search
    from tuning.records import search_json

    place = home.at(options.resume)
    place.fetch()
    more, record = limits(options), search_json.read(place.folder)
    if options.confirm and record.state in (State.FINISHED, State.SPENT) and not any(more.values()):
        return _confirm(from_record(place.folder, record, place.uri), options, _machine(options))
    found = resume.resumable(place.folder, more, place.uri)
    machine = _machine(options)
    found = dataclasses.replace(found, plan=_planned_here(found.plan, machine))
    plan = found.plan
    for note in found.notes:
        print(f"Note: {note}.", flush=True)
    print(f"Going on with {plan.name}, which ends after {describe.budget_in_words(plan)} in all.\n", flush=True)
    machine.start(plan)
    code = _finish(plan, search.resume(found, began=began))
    return _and_confirm(code, plan, options, machine)


def _and_confirm(code: int, plan: Plan, options: argparse.Namespace, machine: Machine) -> int:
    from tuning.command.ending import TRIALS_FAILED

    if not options.confirm or code not in (0, TRIALS_FAILED):
        return code
    return _confirm(plan, options, machine) or code


def _confirm(searched: Plan, options: argparse.Namespace, machine: Machine) -> int:
    """Train the best trials of a search again, as a search of its own, and say which of them is best."""
    from tuning import resume, search
    from tuning.confirm import rerun
    from tuning.records import leaderboard

    store = resume.store_of(searched.folder, say=print)
    searched = _planned_here(searched, machine)
    seeds = None if options.folds else options.seeds or 3
    rows = leaderboard.read(searched.folder)
    plan, confirms = rerun.plan_of(searched, rows, options.confirm, seeds, options.folds)
    if options.folds:
        store.with_folds(options.folds, 0)
    again = f"{seeds} fresh seeds" if seeds else f"{options.folds} folds of people"
    print(
        f"\nConfirming the {options.confirm} best of {searched.name} with {again}: {plan.budget.trials} trials "
        f"x {plan.epochs} epochs, none stopped early, in {plan.where}\n",
        flush=True,
    )
    machine.start(plan)
    return _finish(plan, search.run(plan, store, confirms=confirms))


def _finish(plan: Plan, rows: Sequence[Row]) -> int:
    """Say how a search ended, or a confirmation and what it found."""
    from tuning.command import ending
    from tuning.records import leaderboard

    console = leaderboard.console()
    ended = ending.of_search(plan, rows, console.width)
    _print(ended.lines)
    if ended.error:
        raise ended.error
    if ended.compares:
        _print(ending.of_confirmation(plan, rows).lines)
    return ended.code


def _print(lines: Sequence[Table | str]) -> None:
    """Tables through rich, texts as they are: rich would break and mark them."""
    from tuning.records.leaderboard import console

    for line in lines:
        if isinstance(line, str):
            print(line)
        else:
            console().print(line)


def _store(options: argparse.Namespace) -> Store | None:
    """The store to search on; None for a dry run on a sample that is not there yet."""
    from data_prep.node_copy import open_store

    if options.data is None and not SAMPLE_STORE.exists():
        if options.dry_run:
            return None
        _make_sample()
    return open_store(options.data or SAMPLE_STORE, verify=True, say=print, progress=True)


def _make_sample() -> None:
    """Draw the sample if it is not there, and prepare its store."""
    from data_prep.prepare.inputs import Source
    from data_prep.prepare.prepare import prepare
    from data_prep.prepare.target import Target
    from data_prep.sample.draw import draw

    print(f"No --data was given: the built-in sample is drawn into {SAMPLE} and prepared as {SAMPLE_STORE}, once.")
    draw(SAMPLE)
    source = Source(SAMPLE / "train/images", SAMPLE / "train/train.csv", eval_dir=SAMPLE / "eval")
    prepare(source, Target(SAMPLE_STORE, background="sample", size=SAMPLE_SIZE))


def _machine(options: argparse.Namespace) -> Machine:
    if options.address:
        return machines.joined(options.address, options.install_packages)
    return machines.this_machine()


def _planned_here(plan: Plan, machine: Machine) -> Plan:
    here = machine.planned_here(plan)
    if note := machines.changes(plan, here):
        print(f"Note: {note}.", flush=True)
    return here


def _plan(options: argparse.Namespace, space: spaces.Space, place: Home, store: Store | None, machine: Machine) -> Plan:
    from data_prep.node_copy import absolute

    resources = machine.resources(options.cpus_per_trial, options.gpus_per_trial)
    chosen, bands = profiles.SAMPLE, None
    if store:
        space = settings.for_task(space, store.task)
        chosen = profiles.for_store(store, gpu=resources.gpus > 0, weights=options.weights)
        bands = store.bands if "age" in store.task.factors else None
    asked = {name: getattr(options, name) for name in ("epochs", "arch", "weights", "seed")}
    shared = settings.shared_settings(space, chosen, **asked, bands=bands)
    epochs = settings.full_length(shared)
    return Plan(
        folder=place.folder,
        remote=place.uri,
        space=settings.with_profile(settings.with_bands(space, bands) if bands else space, chosen),
        profile=chosen,
        store=absolute(options.data or SAMPLE_STORE),
        settings=shared,
        budget=Budget.of(limits(options), chosen.trials),
        epochs=epochs,
        grace=options.grace or min(chosen.grace_of(space.distributions), epochs),
        reduction=options.reduction or chosen.reduction,
        keep=options.keep or profiles.KEEP,
        resources=resources,
        seed=options.seed,
        deterministic=options.deterministic,
        compile=options.compile,
    )


def _list_spaces() -> int:
    for name in spaces.names():
        print(f"{name:<18} {spaces.load(name).about}")
    return 0


if __name__ == "__main__":
    sys.exit(signals.ended(lambda: exit_code(main)))
