"""A search that is kept in a folder."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import OptionError
from common.files import new_folder, replacing
from common.security import terminal
from tuning.ownership.lock import Ownership, owning
from tuning.plan import disk_need
from tuning.plan.plan import Plan
from tuning.storage import removal
from tuning.storage.any_home import Home, Write, taken

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
"""What a system says to a folder that is to be renamed to where something is."""


class FolderHome(Home):
    def __init__(self, folder: Path) -> None:
        self.folder, self.uri, self.where = folder.absolute(), None, str(folder)
        self.runs = self.folder.parent

    def child(self, name: str) -> Home:
        return FolderHome(Path(self.where, name))

    def names(self) -> set[str]:
        if any("\ud800" <= character <= "\udfff" for character in str(self.folder)):
            raise OptionError(f"--runs {self.where}: its name is not UTF-8; choose another")
        there = next(each for each in (self.folder, *self.folder.parents) if os.path.lexists(each))
        if not there.is_dir():
            raise OptionError(f"--runs {self.where}: {there} is no folder, or a link to nothing; choose another")
        return {each.name for each in there.iterdir()} if there == self.folder else set()

    def reserve(self) -> None:
        self.folder.mkdir(parents=True)

    def probe(self, plan: Plan) -> None:
        place = next(folder for folder in self.folder.parents if folder.exists())
        try:
            with tempfile.NamedTemporaryFile(dir=place, prefix=".masktune-"):
                pass
        except OSError as error:
            raise OptionError(
                f"--runs {self.runs}: {place} cannot be written ({error.strerror}); choose another folder"
            ) from None
        free, needed = shutil.disk_usage(place).free / 1e9, disk_need.disk_gb(plan)
        if free < needed:
            raise OptionError(
                f"--runs {self.runs}: {needed:.1f} GB may be needed, but {free:.1f} GB are free; "
                f"keep the weights of fewer trials (--keep {plan.keep} now), or choose another disk"
            )

    @contextmanager
    def begun(self, write: Write) -> Iterator[Ownership]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new_folder(self.folder) as fresh:  # it replaces one that was reserved
                write(fresh)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            raise taken(self.folder) from None
        with owning(self.folder, say=terminal.say) as own:
            yield own

    @contextmanager
    def resumed(self) -> Iterator[Ownership]:
        with owning(self.folder, say=terminal.say) as own:
            yield own

    def remove(self, folder: Path, pattern: str) -> None:
        removal.remove(folder, pattern)

    def share(self, file: Path, name: str) -> None:
        there = Path(self.runs, name)
        if there.exists() and there.stat().st_size == file.stat().st_size:
            return
        there.parent.mkdir(parents=True, exist_ok=True)
        with replacing(there) as fresh:
            shutil.copyfile(file, fresh)

    def shared(self, name: str) -> str | None:
        there = Path(self.runs, name)
        return str(there) if there.exists() else None

    def is_waiting(self) -> bool:
        return False  # whoever writes to a disk waits for it

    def fetch(self) -> None:
        """It is here."""

    def fetch_predictions(self) -> None:
        """They are here."""

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        yield self.folder / name

    def keep(self, file: Path) -> None:
        """It is kept."""
