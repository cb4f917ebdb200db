"""Our own sources as trees: several rules read all of them, and to parse them takes a second and a half."""

from __future__ import annotations

import ast
import functools
from pathlib import Path


@functools.cache
def tree(file: Path) -> ast.Module:
    """Parse a source once a process. Nobody may change what this returns."""
    return ast.parse(file.read_text())
