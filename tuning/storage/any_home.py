"""What the home of a search can do, wherever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import SearchError
from common.search_folder import URI
from tuning.ownership.lock import Ownership
from tuning.plan.plan import Plan

Write = Callable[[Path], None]
"""Writes what a search begins with into a folder."""


class Home(ABC):
    """The home of one search, or of all searches under --runs.

    Attributes:
        folder: absolute, where this process reads and writes.
        uri: the address that the folder mirrors; None where the folder is all there is.
        where: what a person calls it.
        runs: what holds this search and others.
    """

    folder: Path
    uri: str | None
    where: str
    runs: str | Path

    @property
    def told(self) -> dict[str, str]:
        """What trials are told of it, beside the folder that Ray tells them."""
        return {URI: self.uri} if self.uri else {}

    @abstractmethod
    def child(self, name: str) -> Home:
        """The home of the search `name` in this one."""

    @abstractmethod
    def names(self) -> set[str]:
        """What is in it. Raises UriError: it cannot be read."""

    @abstractmethod
    def reserve(self) -> None:
        """Take the name for a search that is about to begin, where that can be done. Raises FileExistsError."""

    @abstractmethod
    def probe(self, plan: Plan) -> None:
        """Try whether the search can be kept here.

        Raises:
            UriError: the address cannot be written.
            OptionError: the disk cannot be written, or has less room than the search may need.
        """

    @abstractmethod
    @contextmanager
    def begun(self, write: Write) -> Iterator[Ownership]:
        """Within, this process alone runs the new search that begins with what `write` writes.

        Raises:
            SearchError: another search is here. UriError: the address cannot be read or written.
        """

    @abstractmethod
    @contextmanager
    def resumed(self) -> Iterator[Ownership]:
        """Within, this process alone runs the search, which is here as it was left.

        Raises:
            SearchError: another process runs it. UriError: the address cannot be read or written.
        """

    @abstractmethod
    def remove(self, folder: Path, pattern: str) -> None:
        """Remove what `pattern` matches in a folder of the search that is being run."""

    @abstractmethod
    def share(self, file: Path, name: str) -> None:
        """Put a file beside the search under a name, for every node. Raises UriError: it cannot be written."""

    @abstractmethod
    def shared(self, name: str) -> str | None:
        """Where nodes find what was shared under the first part of its name; None: nothing was."""

    @abstractmethod
    def is_waiting(self) -> bool:
        """Whether trials wait, since the home does not answer."""

    @abstractmethod
    def fetch(self) -> None:
        """Bring here what a search goes on from.

        Raises:
            UriError: it cannot be read. SearchError: no search is there, or another process runs it.
        """

    @abstractmethod
    def fetch_predictions(self) -> None:
        """Bring every trial's predictions here. Raises UriError: they cannot be read."""

    @abstractmethod
    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """Within, a file of a trial's, "trial-001/val_predictions.npz", is where this gives; if there is none, nothing
        is. Raises OSError: it cannot be read now."""

    @abstractmethod
    def keep(self, file: Path) -> None:
        """Keep a file that was written into the folder of an ended search. Raises UriError: it cannot be."""


def taken(where: Path | str) -> SearchError:
    return SearchError(f"{where} already holds a search; choose another --name")
