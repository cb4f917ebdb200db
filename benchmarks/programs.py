"""Programs of ours that run as processes of their own, timed once each: what has ended well is not run again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from common.errors import OptionError
from common.files import write_json
from common.repository import ROOT


class Programs:
    """Runs programs and remembers in `folder`/minutes.json how long each took.

    Args:
        asked: what they are run for; a folder that was begun for something else is refused.

    Raises:
        OptionError: the folder holds something else.
    """

    def __init__(self, folder: Path, asked: Mapping[str, str]) -> None:
        self._file, self._asked = folder / "minutes.json", dict(asked)
        self._minutes: dict[str, float] = {}
        if self._file.exists():
            before = json.loads(self._file.read_text())
            self._minutes = before["minutes"]
            if differs := [name for name, value in self._asked.items() if before["asked"].get(name) != value]:
                raise OptionError(f"--out {folder}: was begun with other {', '.join(differs)}; name another folder")
        elif folder.exists():
            raise OptionError(f"--out {folder}: already there, and not of this program; name a folder that is not")
        else:
            folder.mkdir(parents=True)
            self._keep()

    def minutes(self, module: str, *arguments: object, before: Callable[[], None] = lambda: None) -> float:
        """Run `python -m module`, unless it was run here, and return how long it took.

        Args:
            before: called before it is run.

        Raises:
            OptionError: it fails; what it says goes where this process's own words go.
        """
        command = shlex.join([module, *map(str, arguments)])
        if command not in self._minutes:
            before()
            print(f"$ python -m {command}", flush=True)
            began = time.monotonic()
            done = subprocess.run([sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, check=False)
            if done.returncode:
                raise OptionError(f"exit code {done.returncode} from: python -m {command}")
            self._minutes[command] = (time.monotonic() - began) / 60
            self._keep()
        return self._minutes[command]

    def _keep(self) -> None:
        write_json(self._file, {"asked": self._asked, "minutes": self._minutes})
