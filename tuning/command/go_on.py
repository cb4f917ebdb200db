"""Goes on with a search that was interrupted or has spent its budget; confirms one that has ended, or refits it."""

from __future__ import annotations

import argparse
import dataclasses

from common.errors import OptionError
from common.search_record import State
from common.security import terminal
from tuning import resume, search
from tuning.command import confirm, refit
from tuning.command import machine as machines
from tuning.command.ending import dry_run
from tuning.command.ending.finish import finish
from tuning.command.options import hashed, limits
from tuning.command.planning import planned_here
from tuning.plan import describe
from tuning.plan.plan import from_record
from tuning.records import search_json
from tuning.storage import home


def go_on(options: argparse.Namespace, began: float) -> int:
    """Go on with a search; one that has ended and is given nothing more is only confirmed."""
    place = home.at(options.resume)
    place.fetch()
    more, record = limits(options), search_json.read(place.folder)
    if options.confirm and record.state in (State.FINISHED, State.SPENT) and not any(more.values()):
        return confirm.confirm(from_record(place.folder, record, place.uri), options, machines.asked_for(options))
    if record.refits and more["trials"]:
        raise OptionError(
            "--trials: a refit trains what was chosen, and no more; refit others by --refit of the search"
        )
    if options.refit is not None:
        return refit.refit(from_record(place.folder, record, place.uri), options, machines.asked_for(options))
    found = resume.resumable(place.folder, more, place.uri, resume.Opening(options.data, hashed(options)))
    machine = machines.asked_for(options)
    found = dataclasses.replace(found, plan=planned_here(found.plan, machine, options))
    plan = found.plan
    for note in found.notes:
        terminal.say(f"Note: {note}.")
    terminal.say(f"Going on with {plan.name}, which ends after {describe.budget_in_words(plan)} in all.\n")
    if options.dry_run:
        return dry_run.end(plan, options.answer)
    machine.start(plan)
    code = finish(plan, search.resume(found, began=began), options.answer)
    return confirm.if_asked(code, plan, options, machine)
