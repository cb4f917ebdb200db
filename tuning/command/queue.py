"""A queue of searches: a folder of --config files, run one after another.

DIR/a.yaml             waits; files run in the order of their names, also those that come meanwhile
DIR/running/b.yaml     runs, or was interrupted: its search is gone on with first
DIR/done/c.yaml        its search has ended
DIR/failed/d.yaml      it ended with an error; d.txt beside it says with which
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import filelock

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import OptionError, SearchError, UriError
from common.files import check_folder, move, write_text
from common.repository import ROOT
from common.search_folder import SEARCH
from common.search_record import SearchRecord, State
from common.security import terminal
from common.wording import things
from tuning.command import config_file
from tuning.command.ending.exit_codes import ERROR, INTERRUPTED, TERMINATED, TRIALS_FAILED
from tuning.command.options import flag, parsed, parser
from tuning.ownership.pulse import Pulse

RUNNING, DONE, FAILED = "running", "done", "failed"
LOCK = ".lock"
KEPT = ("data", "trust_store", "address", "install_packages", "confirm", "seeds", "folds")
"""What of a file's options its search needs again to go on."""


def run(folder: Path, words: Sequence[str]) -> int:
    """Run every file in `folder`, each as a process of its own.

    Args:
        words: the command line; what else it says counts for every search.

    Returns:
        0; 2 where one failed; 130 or 143 where it was stopped. A dry run plans each, and moves none.

    Raises:
        OptionError: there is no such folder, nothing in it to run, or another process runs it.
    """
    if not folder.is_dir():
        raise OptionError(f"--queue {folder}: a folder of --config files is needed, and there is none")
    if not _files(folder / RUNNING) + _files(folder):
        raise OptionError(f"--queue {folder}: nothing in it ends in .yaml or .yml; put --config files there")
    words = config_file.taken_out("--queue", words)[1]
    if parsed(words).dry_run:
        return max(_outcome(file, words)[0] for file in [*_files(folder / RUNNING), *_files(folder)])
    for name in (RUNNING, DONE, FAILED):
        check_folder("--queue", folder / name)
    try:
        with filelock.FileLock(folder / LOCK, timeout=0):
            return _run_all(folder, words)
    except filelock.Timeout:
        raise OptionError(f"--queue {folder}: another process runs it; stop that one first, or wait") from None


def _run_all(folder: Path, words: Sequence[str]) -> int:
    done: list[str] = []
    failed: list[str] = []
    while begun := _files(folder / RUNNING) or _files(folder):
        file = _moved(begun[0], folder / RUNNING)
        name, left = terminal.plain(file.name), _files(folder)
        terminal.say(f"Queue {folder}: {name}; {len(left)} more {things(len(left), 'waits', 'wait')}\n")
        code, error = _outcome(file, words)
        if code in (INTERRUPTED, TERMINATED):
            terminal.say(f"\nQueue {folder}: stopped at {name}; the same command goes on with it")
            return code
        if code in (0, TRIALS_FAILED):
            done.append(_moved(file, folder / DONE).name)
        else:
            write_text(folder / FAILED / f"{file.stem}.txt", f"exit code {code}\n{error}\n")
            failed.append(_moved(file, folder / FAILED).name)
    also = f", {len(failed)} failed ({terminal.plain(', '.join(failed))}, in {folder / FAILED})" if failed else ""
    terminal.say(f"\nQueue {folder}: {len(done)} done{also}")
    return ERROR if failed else 0


def _files(folder: Path) -> list[Path]:
    found = (each for each in folder.glob("*") if each.suffix in (".yaml", ".yml") and each.is_file())
    return sorted(each for each in found if not each.name.startswith("."))


def _moved(file: Path, folder: Path) -> Path:
    """Move a file there; one of its name that is there already keeps its own."""
    if file.parent == folder:
        return file
    names = [file.name, *(f"{file.stem}-{number}{file.suffix}" for number in range(2, 10_000))]
    there = next(folder / name for name in names if not (folder / name).exists())
    move(file, there)
    return there


def _outcome(file: Path, words: Sequence[str]) -> tuple[int, str]:
    """Run a file's search, or go on with it: its exit code, and the error that it ended with."""
    try:
        arguments = _arguments(file, words)
    except (OptionError, UriError, OSError, ValueError) as error:
        terminal.say(f"error: {terminal.plain(error)}", sys.stderr)
        return ERROR, f"error: {error}"
    return _run(arguments) if arguments else (0, "")


def _arguments(file: Path, words: Sequence[str]) -> list[str]:
    """What to run the file with; nothing where its search has ended already.

    Raises:
        OptionError: it says what no search can be run with. UriError: its address cannot be read.
        SearchError: another process runs its search, which is no fault of the file's: it stays where it is.
    """
    options = parsed(["--config", str(file), *words])
    name = options.name or file.stem
    begin = ["--config", str(file), *([] if options.resume else ["--name", name]), *words]
    if options.resume:
        return begin
    where = uris.child(options.runs, name) if isinstance(options.runs, str) else options.runs / name
    record = _record(where)
    if record is None:
        return begin
    if record.state in (State.FINISHED, State.SPENT) and not options.confirm:
        return []
    if isinstance(where, Path) and Pulse.of(where).lives:
        raise SearchError(f"{where} is being run by another process; wait until it has ended, and try again")
    again = {key: value for key in KEPT if (value := getattr(options, key)) != parser().get_default(key)}
    return ["--resume", str(where), *(word for key, value in again.items() for word in _words(key, value))]


def _record(where: str | Path) -> SearchRecord | None:
    """The record of a search that was begun; None where it was not."""
    if isinstance(where, str):
        text = RemoteFolder.of(where).read(SEARCH)
        return None if text is None else SearchRecord.of(text)
    try:
        return SearchRecord.read(where)
    except FileNotFoundError:
        return None


def _words(key: str, value: object) -> list[str]:
    return [flag(key)] if value is True else [flag(key), str(value)]


def _run(arguments: Sequence[str]) -> tuple[int, str]:
    """Run tune_main.py: its exit code, and the last error that it printed. What stops this process stops that, once."""
    command = [sys.executable, str(ROOT / "tune_main.py"), *arguments]
    errors: list[str] = []
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
    ) as process:
        assert process.stderr
        reader = threading.Thread(target=_tell, args=(process.stderr, errors))
        reader.start()
        while process.returncode is None:
            try:
                process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
        reader.join()
    code = process.returncode
    return code if code >= 0 else 128 - code, errors[-1] if errors else ""


def _tell(stream: IO[str], errors: list[str]) -> None:
    for line in stream:
        sys.stderr.write(line)
        sys.stderr.flush()
        if line.startswith("error: "):
            errors[:] = [line.rstrip("\n")]
