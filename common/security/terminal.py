"""Prints what may hold names of files and people: a terminal obeys control characters, and rich its markup.

Nothing here prints otherwise (tests/common/security/test_terminal.py).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TextIO

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
    "\u2028\u2029"  # line ends
    "\ud800-\udfff]"  # a name that is no UTF-8: cannot be printed at all
)


def plain(text: object) -> str:
    """Write a text in one line that does nothing but show: \\x1b, \\n and the like are spelt out."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def lines(texts: Iterable[object]) -> str:
    """Put each text in a line of its own."""
    return "\n".join(map(plain, texts))


def say(text: object = "", file: TextIO | None = None) -> None:
    """Print lines at once. A name in them that may hold a line's end is to be made `plain` before."""
    print(lines(str(text).split("\n")), file=file or sys.stdout, flush=True)


def cell(text: object) -> str:
    """Write a text as a cell of rich's tables, which would take [red] for a colour."""
    from rich.markup import escape

    return escape(plain(text))
