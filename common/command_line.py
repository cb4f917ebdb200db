"""What every program here shares: a parser whose errors are ours, the exit code of an error, and numbers."""

from __future__ import annotations

import argparse
import difflib
import errno
import itertools
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from common.errors import MasktuneError, OptionError
from common.security import terminal
from common.surroundings import settle

_LOOP = "Symlink loop from"
"""How Python before 3.13 refuses to resolve a path; later ones find nothing there."""


class Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are OptionErrors: one line that says what to do, without the usage.

    A misspelt option is named before anything else is wrong, with the one that was probably meant. A description of
    several lines is shown as it is written, and one of a single line is wrapped.
    """

    def __init__(self, description: str | None = None, **more: Any) -> None:
        of_lines = "\n" in (description or "").strip()
        shown = argparse.RawDescriptionHelpFormatter if of_lines else argparse.HelpFormatter
        super().__init__(description=description, formatter_class=shown, **more)

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        given = sys.argv[1:] if args is None else args
        _check_values(given)
        for word in itertools.takewhile(lambda word: word != "--", given):
            self._check_known(word.partition("=")[0])
        return super().parse_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        raise OptionError(message.removeprefix("argument "))

    def _check_known(self, name: str) -> None:
        known = [option for option in self._option_string_actions if option.startswith("--")]
        if re.fullmatch(r"--\w[\w-]*", name) and not any(option.startswith(name) for option in known):
            raise OptionError(f"{name}: no such option; {did_you_mean(name, known) or '--help lists them'}")


def _check_values(words: Sequence[str]) -> None:
    """Refuse "", which is what a shell makes of "$PHOTOS" where there is no such variable: as a path it would be this
    folder, and as an option's value none."""
    option = "an argument"
    for word in words:
        if word.startswith("--"):
            option = word.partition("=")[0]
        if "\0" in word:  # from a --config file
            raise OptionError(f"{option}: a NUL is in its value, which no name and no number has")
        if word in ("", f"{option}="):
            raise OptionError(f"{option}: a value is needed, but got ''; is a variable of the shell not set?")


def did_you_mean(text: str, known: Iterable[str]) -> str | None:
    """Ask after the known word that is nearest to `text`; None where none is near."""
    # Without their dashes: those are alike in any two options.
    words = {word.lstrip("-"): word for word in known}
    near = difflib.get_close_matches(text.lstrip("-"), list(words), n=1)
    return f"did you mean {words[near[0]]}?" if near else None


def exit_code(command: Callable[[], int | None]) -> int:
    """Run `command`, in surroundings that it can live in; a MasktuneError becomes one line on stderr and 2, Ctrl-C
    becomes 130."""
    try:
        settle()
        return command() or 0
    except MasktuneError as error:
        terminal.say(f"error: {terminal.plain(error)}", sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = terminal.plain(error.filename)
        terminal.say(
            f"error: {name[:60]}...: no name may be so long ({len(name):,} characters); use a shorter one", sys.stderr
        )
        return 2
    except RuntimeError as error:
        if not str(error).startswith(_LOOP):
            raise
        terminal.say(f"error: {terminal.plain(error)}: the link leads back to itself; name another place", sys.stderr)
        return 2
    except UnicodeEncodeError as error:
        if error.encoding.lower().startswith("utf"):
            raise
        lacking = terminal.plain(ascii(error.object[error.start : error.end]))
        terminal.say(
            f"error: PYTHONUTF8: this Python writes names in {error.encoding}, which lacks {lacking}; set it to 1",
            sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        terminal.say("interrupted", sys.stderr)
        return 130


def python() -> str:
    """What a person types for the Python that runs this: `python`, where the shell finds the same environment's."""
    found, here = shutil.which("python"), Path(sys.executable)
    if found and Path(found).absolute().parent == here.absolute().parent:
        return "python"
    try:
        return shlex.quote(min(os.path.relpath(here), str(here), key=len))
    except FileNotFoundError:  # the folder that one is in was removed
        return shlex.quote(str(here))


def positive(text: str) -> int:
    """Read a whole number of at least 1: an argparse type."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed, but got {text!r}")
    return int(text)


def seed(text: str) -> int:
    """Read a seed, which NumPy wants to have 32 bits: an argparse type."""
    if not text.strip().isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"a whole number from 0 to {2**32 - 1} is needed, but got {text!r}")
    return int(text)
