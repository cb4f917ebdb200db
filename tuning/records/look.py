"""A look at a search that another process may be running: it only reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from common import search_state
from common.addresses.remote_folder import RemoteFolder
from common.addresses.uris import refused
from common.errors import SearchError
from common.search_folder import LEADERBOARD, SEARCH, STATE
from common.search_record import SearchRecord, State
from common.wording import duration
from tuning.ownership.pulse import Pulse
from tuning.plan.budget import Spent
from tuning.plan.plan import from_record
from tuning.records import leaderboard, live, search_json
from tuning.records.rows import Row, from_json

SILENT = "silent"
"""The state of a search whose process on another machine has given no sign of life for long."""


@dataclass(frozen=True)
class Look:
    """It is what was seen of a search.

    Attributes:
        pulse: who runs it.
        unheard: for so many seconds whoever looks again and again has seen no new sign of life; None: this look is the
            only one.
    """

    record: SearchRecord
    rows: list[Row]
    pulse: Pulse
    unheard: float | None = None

    @classmethod
    def at(cls, search: str | Path) -> Look:
        """Look at the search in a folder, or at an address.

        Raises:
            SearchError: none is there, or it cannot be read. UriError: the address cannot be.
        """
        return _there(search) if isinstance(search, str) else _here(search)

    @property
    def state(self) -> str:
        """Name the state of the search: one whose process died without a word was killed, and one of which nothing has
        been heard from another machine for so long that it may be taken over is silent."""
        if self.record.state != State.RUNNING:
            return str(self.record.state or "")
        if not self.pulse.lives:
            return "killed"
        return SILENT if self.silence >= self.pulse.dead else str(State.RUNNING)

    @property
    def silence(self) -> float:
        """Tell for how many seconds the process on another machine has given no sign of life; 0 of one on this one."""
        if not self.pulse.is_elsewhere:
            return 0.0
        return self.pulse.age() if self.unheard is None else self.unheard

    @property
    def note(self) -> str:
        """Say what is known of a silent search, and by which clock; "" of any other."""
        if self.state != SILENT:
            return ""
        clock = " by this machine's clock" if self.unheard is None else ""
        return f"{self.pulse.owner} has given no sign of life for {duration(self.silence)}{clock}"

    @property
    def runs(self) -> bool:
        """Say whether there is more to come."""
        return self.state == State.RUNNING

    def summary(self) -> str:
        """Say in a line how far it is."""
        return live.summary(self.rows, from_record(Path(self.record.name), self.record), self._spent)

    def table(self, width: int) -> Table:
        """Make the live table for a terminal of `width` columns."""
        return live.table(self.rows, from_record(Path(self.record.name), self.record), self._spent, width)

    @property
    def _spent(self) -> Spent:
        return Spent(self.record.spent.get("hours", 0.0), self.record.spent.get("gpu_hours", 0.0))


def _here(folder: Path) -> Look:
    pulse = Pulse.of(folder)  # first: who ends meanwhile has said so in the record, and is not taken for killed
    return Look(search_json.read(folder), leaderboard.read(folder), pulse)


def _there(uri: str) -> Look:
    """Read the newest state that has been uploaded; of a search that has none, what people are shown."""
    try:
        folder = RemoteFolder.of(uri)
        pulse = Pulse.of(folder)  # first, as in `_here`
        states = sorted((name for name in (folder / STATE).names() if name.isdecimal()), key=int, reverse=True)
        for state in (folder / STATE / name for name in states):
            found = [state.read(name) for name in (search_state.MANIFEST, SEARCH, search_state.TRIALS)]
            if all(found):
                _, about, trials = (each or b"" for each in found)
                rows = list(map(from_json, search_state.trials_in(trials)["trials"]))
                return Look(SearchRecord.of(about), rows, pulse)
        text, board = folder.read(SEARCH), folder.read(LEADERBOARD)
        rows = leaderboard.of_csv(board) if board else []
        record = SearchRecord.of(text) if text else None
    except OSError as error:
        raise refused(uri, error, "read") from None
    except (ValueError, KeyError, TypeError) as error:
        raise SearchError(f"{uri} cannot be read: {error}") from None
    if record is None:
        raise SearchError(f"{uri} holds no search: there is no {SEARCH}; name one of those under its --runs")
    return Look(record, rows, pulse)
