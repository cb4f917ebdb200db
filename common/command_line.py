"""What every program here shares: the exit code of an error, and numbers from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from common.errors import MasktuneError


def exit_code(command: Callable[[], int | None]) -> int:
    """Run `command`; a MasktuneError becomes one line on stderr and 2, Ctrl-C becomes 130."""
    try:
        return command() or 0
    except MasktuneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def positive(text: str) -> int:
    """Read a whole number of at least 1: an argparse type."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed, but got {text!r}")
    return int(text)
