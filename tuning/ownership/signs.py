"""Signs of life of whoever runs a search: a file in its folder, or at its address, that says who, and is renewed.

Its age is told by the storage's own clock, which is the same for all who look.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import uuid
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from common import files, machine
from common.addresses.remote_folder import RemoteFolder
from common.security.regular_file import parse_json, read_bytes

OWNER = ".owner.json"


@dataclass(frozen=True)
class Owner:
    """A process that runs a search.

    Attributes:
        machine, began: tell the process from another one with this pid (`common.machine`).
        token: of this one time that it took the search.
        since: ISO 8601 in UTC.
    """

    host: str
    pid: int
    machine: str = ""
    began: str | None = None
    token: str = ""
    since: str = ""

    @classmethod
    def me(cls) -> Owner:
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            machine=machine.identity(),
            began=machine.began(os.getpid()),
            token=uuid.uuid4().hex,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @classmethod
    def of(cls, content: bytes) -> Owner | None:
        """The owner that a sign names; None where it is damaged."""
        try:
            about = parse_json(content)
            owner = cls(**{each.name: about[each.name] for each in dataclasses.fields(cls) if each.name in about})
            return dataclasses.replace(owner, host=str(owner.host), pid=int(owner.pid))
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def is_here(self) -> bool:
        """Whether it was of this machine, so that it can be seen whether it lives."""
        return self.machine == machine.identity()

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended. This process, which asks, has let go of what it held before."""
        return self.is_here and (self.pid == os.getpid() or not machine.lives(self.pid, self.began))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass
class Sign(ABC):
    """Where signs are given.

    Attributes:
        beat, dead: seconds between two signs, and without one until another machine may take the search over.
    """

    beat: float
    dead: float

    @abstractmethod
    def read(self) -> tuple[Owner | None, float]:
        """The owner and the seconds since its last sign; None: there is no sign, or it is damaged. Raises OSError."""

    @abstractmethod
    def write(self, owner: Owner) -> None:
        """Give the first sign. Raises OSError."""

    @abstractmethod
    def renew(self, owner: Owner) -> None:
        """Give another one. Raises OSError."""

    @abstractmethod
    def owner(self) -> Owner | None:
        """The owner alone. Raises OSError."""

    @abstractmethod
    def remove(self) -> None:
        """Take the sign away. Raises OSError."""


@dataclass
class FolderSign(Sign):
    """A sign in a folder."""

    folder: Path

    def read(self) -> tuple[Owner | None, float]:
        owner = self.owner()
        if owner is None:
            return None, 0.0
        clock = self.folder / f".clock-{uuid.uuid4().hex}"
        clock.touch()
        try:
            return owner, max(0.0, clock.stat().st_mtime - self._file.stat().st_mtime)
        except FileNotFoundError:
            return None, 0.0
        finally:
            clock.unlink(missing_ok=True)

    def write(self, owner: Owner) -> None:
        files.write_json(self._file, dataclasses.asdict(owner), flushed=False)

    def renew(self, owner: Owner) -> None:
        """Touched, not written anew: that works on a full disk too."""
        os.utime(self._file)

    def owner(self) -> Owner | None:
        with suppress(FileNotFoundError):
            return Owner.of(read_bytes(self._file))
        return None

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.folder / OWNER


@dataclass
class UriSign(Sign):
    """A sign at an address, where a file can only be written."""

    there: RemoteFolder

    def read(self) -> tuple[Owner | None, float]:
        entry, owner = self.there.entry(OWNER), self.owner()
        if entry is None or owner is None:
            return None, 0.0
        name = f".clock-{uuid.uuid4().hex}"
        self.there.write(name, b"")
        now = self.there.entry(name)
        self.there.remove(name)
        return owner, max(0.0, (now.modified - entry.modified).total_seconds()) if now else 0.0

    def write(self, owner: Owner) -> None:
        self.there.write(OWNER, json.dumps(dataclasses.asdict(owner)).encode())

    renew = write

    def owner(self) -> Owner | None:
        content = self.there.read(OWNER)
        return None if content is None else Owner.of(content)

    def remove(self) -> None:
        self.there.remove(OWNER)
