"""Trains the best trials of a search again, as a search of its own, and says which of them is best."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from common.security import terminal
from common.wording import counted
from tuning import resume, search
from tuning.command.ending import dry_run
from tuning.command.ending.exit_codes import TRIALS_FAILED
from tuning.command.ending.finish import finish
from tuning.command.machine import Machine
from tuning.command.options import fresh_seeds, hashed
from tuning.command.planning import planned_here
from tuning.confirm import rerun
from tuning.plan import describe
from tuning.plan.plan import Plan
from tuning.plan.resources import price, unit
from tuning.records import leaderboard, search_json
from tuning.records.rows import Row


def if_asked(code: int, plan: Plan, options: argparse.Namespace, machine: Machine) -> int:
    """Confirm a search that has ended with this exit code, where the options ask for that."""
    if not options.confirm or code not in (0, TRIALS_FAILED):
        return code
    return confirm(plan, options, machine) or code


def confirm(searched: Plan, options: argparse.Namespace, machine: Machine) -> int:
    """Train the best trials again with fresh seeds, or on folds, and compare them."""
    opening = resume.Opening(options.data, hashed(options))
    record = search_json.read(searched.folder)
    store = opening.store(record)
    searched = dataclasses.replace(planned_here(searched, machine, options), store=opening.place(record))
    seeds = fresh_seeds(options)
    rows = leaderboard.read(searched.folder)
    plan, confirms = rerun.plan_of(searched, rows, options.confirm, seeds, options.folds)
    if options.folds:
        store.with_folds(options.folds, 0)
    again = describe.again_in_words(seeds, options.folds)
    terminal.say(
        f"\nConfirming the {options.confirm} best of {searched.name} with {again}: "
        f"{counted(plan.budget.trials or 0, 'trial')} x {counted(plan.epochs, 'epoch')}, none stopped early, "
        f"in {plan.where}\n"
    )
    if options.dry_run:
        return dry_run.end(plan, options.answer, _cost(searched, rows, plan))
    machine.start(plan)
    return finish(plan, search.run(plan, store, confirms=confirms), options.answer)


def _cost(searched: Plan, rows: Sequence[Row], plan: Plan) -> str:
    """What a confirmation costs, if its epochs are as long as the search's were."""
    seconds, done = sum(row.seconds for row in rows), sum(row.epochs for row in rows)
    epochs = (plan.budget.trials or 0) * plan.epochs
    hours = seconds / done * epochs / 3600 * price(plan.resources.gpus)
    return (
        f"{counted(epochs, 'epoch')}; about {hours:.2g} {unit(plan.resources.gpus)}, as long as an epoch of "
        f"{searched.name} took"
    )
