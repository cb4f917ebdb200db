"""A search that is kept at an address; a folder of this machine mirrors it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import SearchError
from common.search_folder import SEARCH, VAL_PREDICTIONS
from tuning.ownership.lock import Ownership, owning
from tuning.plan.plan import Plan
from tuning.storage.any_home import Home, Write, taken
from tuning.storage.disk import waiting_for_disk
from tuning.storage.mirror import TRIALS, Mirror, fetch


class UriHome(Home):
    def __init__(self, uri: str, folder: Path | None = None) -> None:
        self.folder, self.uri, self.where = folder or uris.place("runs", uri), uri, uri
        self.runs = uris.parent(uri)
        self._uri = uri

    @cached_property
    def _there(self) -> RemoteFolder:
        return RemoteFolder.of(self._uri)

    @cached_property
    def _mirror(self) -> Mirror:
        return Mirror(self.folder, self._there)

    def child(self, name: str) -> Home:
        return UriHome(uris.child(self._uri, name), self.folder / name)

    def names(self) -> set[str]:
        with _refusing(self._uri):
            return self._there.names()

    def reserve(self) -> None:
        """Nothing can be taken at an address: `begun` looks whether the name is free."""

    def probe(self, plan: Plan) -> None:
        runs = uris.parent(self._uri)
        with _refusing(runs, "written"):
            RemoteFolder.of(runs).probe()

    @contextmanager
    def begun(self, write: Write) -> Iterator[Ownership]:
        with self._owned() as own:
            if not self._mirror.is_new:
                raise taken(self._uri)
            write(self.folder)
            waiting_for_disk(self._mirror.push)()
            with self._mirror.followed(own):
                yield own

    @contextmanager
    def resumed(self) -> Iterator[Ownership]:
        with self._owned() as own:
            waiting_for_disk(self._mirror.pull)()
            with self._mirror.followed(own):
                yield own

    def remove(self, folder: Path, pattern: str) -> None:
        self._mirror.remove(folder, pattern)

    def share(self, file: Path, name: str) -> None:
        runs = uris.parent(self._uri)
        with _refusing(runs, "written"):
            there = RemoteFolder.of(runs)
            found = there.entry(name)
            if found is None or found.size != file.stat().st_size:
                there.upload(file, name)

    def shared(self, name: str) -> str | None:
        runs = uris.parent(self._uri)
        return uris.child(runs, name) if name in UriHome(runs).names() else None

    def is_waiting(self) -> bool:
        return self._mirror.waiting.is_set()

    def fetch(self) -> None:
        with _refusing(self._uri):
            if self._there.entry(SEARCH) is None:
                raise SearchError(
                    f"{self._uri} holds no search: there is no {SEARCH}; name one of those under its --runs"
                )
            with self._owned():
                self._mirror.pull()

    def fetch_predictions(self) -> None:
        with _refusing(self._uri):
            found = self._there.list()
            wanted = [name for name in found if name.startswith(TRIALS) and name.endswith(f"/{VAL_PREDICTIONS}")]
            fetch(self._there, self.folder, {name: found[name] for name in wanted})

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        # Not into the mirror: what is there is taken to the address as the driver's own.
        with tempfile.TemporaryDirectory(prefix="masktune-") as folder:
            file = Path(folder, "file")
            with suppress(FileNotFoundError):
                self._there.download(name, file)
            yield file

    def keep(self, file: Path) -> None:
        with _refusing(self._uri, "written"):
            self._there.upload(file, file.name)

    @contextmanager
    def _owned(self) -> Iterator[Ownership]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with owning(self.folder, self._there) as own:
            yield own


@contextmanager
def _refusing(uri: str, what: str = "read") -> Iterator[None]:
    """Within, what the storage answers wrong becomes a UriError."""
    try:
        yield
    except OSError as error:
        raise uris.refused(uri, error, what) from None
