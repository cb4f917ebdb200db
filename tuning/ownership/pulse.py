"""What a look tells of the process that runs a search. It writes nothing.

Of a process on this machine it is seen whether it lives. One on another machine gives signs of life, whose times are
told by the storage's clock, which may differ from the one here. So who looks again and again counts by one clock for
how long no new sign has come; who looks once can only compare the two.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from common.addresses.remote_folder import RemoteFolder
from common.security.regular_file import read_bytes
from tuning.ownership.lock import DEAD, DEAD_AT_URI
from tuning.ownership.signs import OWNER, Owner


@dataclass(frozen=True)
class Pulse:
    """It is who runs a search, and the last sign of life that was seen.

    Attributes:
        owner: the process; None: there is none, or the sign is damaged or may not be read.
        given: when the sign was given, in seconds since 1970, by the storage's clock.
        dead: seconds without a new one after which another machine may take the search over.
        hidden: there is a sign that may not be read.
    """

    owner: Owner | None = None
    given: float = 0.0
    dead: float = DEAD
    hidden: bool = False

    @classmethod
    def of(cls, search: Path | RemoteFolder) -> Pulse:
        """Look at the search in a folder, or at an address."""
        try:
            return _there(search) if isinstance(search, RemoteFolder) else _here(search / OWNER)
        except FileNotFoundError:
            return cls()
        except OSError:
            return cls(hidden=True)

    @property
    def lives(self) -> bool:
        """Say whether a process may run the search: one that cannot be seen from here is not known to be dead."""
        return self.hidden or (self.owner is not None and not self.owner.is_dead)

    @property
    def is_elsewhere(self) -> bool:
        """Say whether the process is another machine's, so that nothing but its signs tells whether it lives."""
        return self.owner is not None and not self.owner.is_here

    def age(self) -> float:
        """Give the seconds since the last sign, if the storage's clock and this machine's agree."""
        return max(0.0, time.time() - self.given)


def _here(file: Path) -> Pulse:
    content = read_bytes(file)  # opened first: over a network, that asks anew how old the file is
    return Pulse(Owner.of(content), file.stat().st_mtime)


def _there(folder: RemoteFolder) -> Pulse:
    content, entry = folder.read(OWNER), folder.entry(OWNER)
    if content is None or entry is None:
        return Pulse()
    return Pulse(Owner.of(content), entry.modified.timestamp(), DEAD_AT_URI)
