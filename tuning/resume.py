"""Says whether a search can go on, and what has changed since it began."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from common.errors import OptionError, SearchError, SpaceError
from common.search_folder import SEARCH
from common.search_record import SearchRecord, State
from common.security import terminal
from common.wording import counted
from data_prep import node_copy
from data_prep.store.store import Store
from trainable.config import check_frame
from tuning.ownership.lock import owning
from tuning.plan import points, space_files, spaces
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan, from_record
from tuning.plan.spaces import Space
from tuning.records import provenance, search_json
from tuning.storage import states, trusted


@dataclass(frozen=True)
class Resumable:
    """A search that can go on.

    Attributes:
        plan: with its new budget.
        spent: before now.
        notes: what has changed since it began, a line each.
    """

    plan: Plan
    spent: Spent
    notes: list[str]


def resumable(
    folder: Path,
    more: Mapping[str, str | None] | None = None,
    remote: str | None = None,
    opening: Opening | None = None,
) -> Resumable:
    """The search in `folder`, if it can go on, with its budget changed as `more` says (`Budget.extended`).

    Args:
        remote: the address whose mirror the folder is, with what is there (`Home.fetch`).
        opening: how its store is found and looked at.

    Raises:
        OptionError: a limit that cannot be understood, or one that is spent already.
        SearchError: it is finished, being run, its state is gone, or others could have written it (Ray's state is
            code).
        StoreError: its store is gone or has changed.
        ConfigError: its crops were told in another frame (`config.check_frame`).
    """
    record = search_json.read(folder)
    trusted.check(folder, remote)
    with owning(folder):  # for this look; `resume` does it again, but who cannot should hear of it before Ray starts
        if not states.exists(folder):
            raise SearchError(f"{folder} was killed before its first trial was recorded; remove it and start it again")
    opening = opening or Opening()
    plan = from_record(folder, record, remote)
    if lacking := {"trials", "hours", "gpu_hours"} - {*record.spent}:
        raise SearchError(f"{folder / SEARCH} does not say what was spent ({min(lacking)}): begin another search")
    number = points.count(plan.space.distributions)
    budget = plan.budget.extended(dict(more or {})).for_points(number, record.spent["trials"])
    plan = replace(plan, budget=budget, store=opening.place(record))
    spent = Spent(record.spent["hours"], record.spent["gpu_hours"])
    _check_budget(plan, record, spent)
    check_frame(record.plan, opening.store(record).source_size, plan.where)
    return Resumable(plan, spent, _changes(plan, record))


@dataclass(frozen=True)
class Opening:
    """How the store of a search is opened again: it is hashed, since its bytes may not be what they were.

    Attributes:
        moved: where it is now, if it is not where the search began with it.
        share: of its shards that are hashed, chosen at random.
    """

    moved: str | None = None
    share: float = 1.0

    def place(self, record: SearchRecord) -> str:
        return node_copy.absolute(self.moved or record.store["path"])

    def store(self, record: SearchRecord) -> Store:
        """The store that the search began with; one at an address is copied here, if it is not yet.

        Raises:
            StoreError: it is gone or has changed.
        """
        began, place, content = time.monotonic(), record.store["path"], record.store["hash"]
        store = node_copy.open_again(place, content, self.moved, verify=self.share, say=terminal.say, progress=True)
        what = "hashed" if self.share == 1 else f"{self.share:.0%} of it hashed"
        terminal.say(f"store: as the search began with it ({what}, {time.monotonic() - began:.1f} s)")
        return store


def _check_budget(plan: Plan, record: SearchRecord, spent: Spent) -> None:
    """There is something left to do, and time to do it."""
    started, trials = record.spent["trials"], plan.budget.trials
    if trials is not None and trials < started:
        raise OptionError(
            f"--trials: {plan.name} has started {counted(started, 'trial')} already, but got {trials}; name more"
        )
    if record.state == State.FINISHED and (number := points.count(plan.space.distributions)) and started >= number:
        raise SearchError(f"{plan.where} is finished: it has tried each of its space's {counted(number, 'point')}")
    if record.state == State.FINISHED and trials == started:
        raise SearchError(f"{plan.where} is finished: to go on with it, give it more: --trials +20")
    if reached := plan.budget.reached(spent):
        raise OptionError(f"{plan.where} has spent its {reached}; to go on, give it more: --hours +5 or --gpu-hours +5")


def _changes(plan: Plan, record: SearchRecord) -> list[str]:
    """What is not as it was when the search began, and what that means."""
    notes = []
    if plan.remote and trusted.here(plan.remote) is None:
        notes.append(
            f"a search is gone on with by code that lies at {plan.remote}: who can write there can run theirs here"
        )
    if record.code != provenance.code_hash():
        notes.append("the training code has changed since: trials from now on may not compare with those before")
    for name, now in provenance.versions().items():
        if (was := record.versions.get(name)) != now:
            notes.append(f"{name} is {now} now, and was {was}")
    if not _is_as_it_was(plan.space):
        notes.append(f"the space {plan.space.source} has changed since: the search goes on with the one it began with")
    return notes


def _is_as_it_was(space: Space) -> bool:
    """Whether the space that was begun with is what its source says now. A file is compared and not run, since it may
    be anybody's; of a search that was begun before its hash was kept nothing is said."""
    if not space.source:  # of a confirmation, made of its search's space
        return True
    try:
        if code := space_files.code_of(space.source):
            return space.code in ("", code)
        now = spaces.load(space.source)
    except (SpaceError, OSError):
        return False
    return (now.distributions, now.fixed) == (space.distributions, space.fixed)
