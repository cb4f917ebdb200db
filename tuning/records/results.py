"""result.json of a trial: what it reported, a line an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from common.security.regular_file import parse_json, read_bytes

RESULT, PARAMS = "result.json", "params.json"
"""What a trial reported, and what it was given."""


def reported(folder: Path) -> Iterator[dict[str, Any]]:
    """What a trial has reported, in order; an epoch that was done twice is there twice. A line that is no JSON, as a
    power cut may leave it, is passed over."""
    file = folder / RESULT
    for line in read_bytes(file).splitlines() if file.exists() else ():
        try:
            result = parse_json(line)
        except ValueError:
            continue
        if isinstance(result, dict):
            yield result


def whole(file: Path) -> int:
    """How many bytes of a result.json end with the last line that is whole."""
    length = end = 0
    for line in read_bytes(file).splitlines(keepends=True):
        end += len(line)
        with suppress(ValueError):
            parse_json(line)
            length = end if line.endswith(b"\n") else length
    return length
