"""result.json of a trial: what it reported, a line an epoch, as Ray writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

RESULT = "result.json"


def reported(folder: Path) -> Iterator[dict[str, Any]]:
    """What a trial has reported, in order; an epoch that was done twice is there twice. A line that is no JSON, as a
    power cut may leave it, is passed over."""
    file = folder / RESULT
    for line in file.read_bytes().splitlines() if file.exists() else ():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        if isinstance(result, dict):
            yield result


def whole(file: Path) -> int:
    """How many bytes of a result.json end with the last line that is whole."""
    length = end = 0
    for line in file.read_bytes().splitlines(keepends=True):
        end += len(line)
        with suppress(ValueError):
            json.loads(line)
            length = end if line.endswith(b"\n") else length
    return length
