"""What a proof says, and what makes it fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.gpu.part import Finding


def judged(findings: Iterator[Finding]) -> dict[str, bool | None]:
    return {finding.name: finding.right for finding in findings}


def changed(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: change(function(*args, **kwargs))
