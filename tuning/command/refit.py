"""Trains the members of a search's ensemble, or its best trials, on train and val together."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from common import search_state
from common.command_line import python
from common.errors import SearchError
from common.search_folder import REFIT
from common.security import terminal
from common.wording import counted
from data_prep.store.store import Store
from tuning import resume, search
from tuning.command.ending import dry_run
from tuning.command.ending.finish import finish
from tuning.command.machine import Machine
from tuning.command.options import hashed
from tuning.command.planning import planned_here
from tuning.confirm import refit as refits
from tuning.confirm.refit import Chosen
from tuning.plan.plan import Plan
from tuning.plan.resources import price, unit
from tuning.records import leaderboard, search_json


def refit(searched: Plan, options: argparse.Namespace, machine: Machine) -> int:
    """Train what was chosen from a search once more, on train and val together."""
    opening = resume.Opening(options.data, hashed(options))
    record = search_json.read(searched.folder)
    if record.confirms or record.refits:
        raise SearchError(f"{searched.where} trains the trials of another search again: name that one with --resume")
    chosen = refits.best_trials(searched, options.refit) if options.refit else refits.members(searched)
    _check_none_is_open(searched)
    store = opening.store(record)
    searched = dataclasses.replace(planned_here(searched, machine, options), store=opening.place(record))
    plan, about = refits.plan_of(searched, chosen)
    names = ", ".join(f"{each.name} ({counted(each.epochs, 'epoch')})" for each in chosen)
    terminal.say(
        f"\nRefitting {names} of {searched.name} on train and val together, each for as long as its best epoch was, in "
        f"{plan.where}\nNobody is left to judge them by: they have no score. Test people stay unseen.\n"
    )
    if options.dry_run:
        return dry_run.end(plan, options.answer, _cost(searched, chosen, store))
    machine.start(plan)
    return finish(plan, search.run(plan, store, refits=about), options.answer)


def _check_none_is_open(searched: Plan) -> None:
    """Raises SearchError: a refit of the search has trials left to train."""
    for folder in search_state.own_searches(searched.folder, REFIT):
        if any(row.status not in ("finished", "failed") for row in leaderboard.read(folder)):
            where = f"{searched.where}/{folder.name}"
            raise SearchError(f"{where} has not ended; go on with it: {python()} tune_main.py --resume {where}")


def _cost(searched: Plan, chosen: Sequence[Chosen], store: Store) -> str:
    """What a refit costs, if its photos take as long as the search's did."""
    rows = leaderboard.read(searched.folder)
    seconds, done = sum(row.seconds for row in rows), sum(row.epochs for row in rows)
    epochs = sum(each.epochs for each in chosen)
    more = 1 + len(store.labelled("val")) / len(store.labelled("train"))
    hours = seconds / done * epochs * more / 3600 * price(searched.resources.gpus)
    return (
        f"{counted(epochs, 'epoch')}; about {hours:.2g} {unit(searched.resources.gpus)}, by an epoch of {searched.name}"
    )
