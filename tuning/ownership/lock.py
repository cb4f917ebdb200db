"""One process runs a search.

It holds a lock on the search's folder, which the kernel frees when it dies. For machines that the lock does not reach,
and for an address, where nothing can be locked, it gives signs of life that carry a token of its own. Whose token is
there owns the search: whoever finds another one there has lost it, and writes nothing more.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import filelock

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import SearchError
from tuning.background import meanwhile
from tuning.ownership import file_systems
from tuning.ownership.signs import FolderSign, Owner, Sign, UriSign

LOCK = ".owner"
BEAT, DEAD = 5.0, 30.0
BEAT_AT_URI, DEAD_AT_URI = 10.0, 60.0
"""Seconds between two signs of life, and without one until another machine may take the search over."""

CLAIM = 2.0
"""Seconds after which a claim that no lock protects is looked at again: the last one to be written stands."""

FRESH = 0.5
"""Seconds for which a token that was found in the folder is believed."""


class Ownership:
    """The search at `where` is this process's, unless another one has taken it over.

    Attributes:
        lost: set when that was found out.
    """

    def __init__(self, where: str, signs: Sequence[Sign], clock: Callable[[], float] = time.monotonic) -> None:
        self.lost = threading.Event()
        self._where, self._signs, self._clock = where, signs, clock
        self._me = Owner.me()
        self._rival: Owner | None = None
        self._found = dict.fromkeys(range(len(signs)), clock())

    def claim(self, sign: Sign, locked: bool) -> None:
        """Give the first sign.

        Args:
            locked: a lock keeps all others out who may claim it now.

        Raises:
            SearchError: another one runs it. OSError: the sign cannot be read or given.
        """
        other, age = sign.read()
        if other and age < sign.dead and not other.is_dead:
            raise _refusal(self._where, other, age)
        sign.write(self._me)
        if locked and (other is None or other.is_here):
            return
        time.sleep(CLAIM)
        winner, age = sign.read()
        if winner is None or winner.token != self._me.token:
            raise _refusal(self._where, winner, age)

    def check(self) -> None:
        """Raises SearchError: another process has taken the search over, and nothing more may be written."""
        for number, sign in enumerate(self._signs):
            if self._clock() - self._found[number] >= (FRESH if isinstance(sign, FolderSign) else sign.beat):
                with suppress(OSError):  # a storage that does not answer takes nothing of ours either
                    self._look(number, sign)
        if self._rival:
            raise SearchError(
                f"{self._where} is being run by {self._rival} since {self._rival.since}, which took it over while "
                "nothing was heard of this process: it ends, and writes nothing more"
            )

    def beat(self, number: int, ended: threading.Event) -> None:
        """Renew one of the signs until the search has `ended` or is lost. One that somebody removed is given anew."""
        sign = self._signs[number]
        while not self.lost.is_set() and not ended.wait(sign.beat):
            with suppress(OSError):
                found = self._look(number, sign)
                if not self.lost.is_set():
                    (sign.renew if found else sign.write)(self._me)

    def let_go(self) -> None:
        for sign in self._signs:
            with suppress(OSError):
                if (found := sign.owner()) and found.token == self._me.token:
                    sign.remove()

    def _look(self, number: int, sign: Sign) -> Owner | None:
        found = sign.owner()
        if found and found.token != self._me.token:
            self._rival = found
            self.lost.set()
        self._found[number] = self._clock()
        return found


@contextmanager
def owning(
    folder: Path, there: RemoteFolder | None = None, say: Callable[[str], None] = lambda line: None
) -> Iterator[Ownership]:
    """Within, this process alone runs the search in `folder`, which must exist.

    Args:
        there: the search's address; `folder` is its copy here.
        say: hears where locks do not work.

    Raises:
        SearchError: another process runs it, or the folder cannot be written. UriError: the address cannot be.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    here = FolderSign(BEAT, DEAD, folder)
    signs: list[Sign] = [here, *([UriSign(BEAT_AT_URI, DEAD_AT_URI, there)] if there else [])]
    own = Ownership(there.uri if there else str(folder), signs)
    with ExitStack() as held:
        try:
            locked = _lock(lock) and file_systems.locks_reach_all(folder)
            held.callback(lock.release)
            if not locked:
                say(
                    f"Note: locks in {folder} do not keep other machines out ({file_systems.kind(folder)}); who runs "
                    "the search is told by its signs of life alone, and starting takes two seconds longer."
                )
            own.claim(here, locked)
        except filelock.Timeout:
            raise _refusal(there.uri if there else str(folder), *here.read()) from None
        except OSError as error:
            raise SearchError(f"{folder} cannot be written: {error.strerror or error}; mend that first") from None
        held.callback(own.let_go)
        if there:
            try:
                own.claim(signs[1], locked=False)
            except OSError as error:
                raise uris.refused(there.uri, error, "written") from None
        for number in range(len(signs)):
            held.enter_context(meanwhile(partial(own.beat, number)))
        yield own


def _lock(lock: filelock.BaseFileLock) -> bool:
    """Take the lock; False where the file system has none. Raises filelock.Timeout: another process holds it."""
    try:
        lock.acquire()
    except NotImplementedError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP):
            raise
        return False
    return file_systems.lock_holds(Path(lock.lock_file))


def _refusal(where: str, owner: Owner | None, age: float) -> SearchError:
    who = f"{owner} (last sign of life {age:.0f} s ago)" if owner else "another process"
    return SearchError(f"{where} is being run by {who}; stop that one first, or wait")
