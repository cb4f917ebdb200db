"""How often Python looks for garbage."""

from __future__ import annotations

import gc

OBJECTS = 50_000
"""Python's own 700 make a search through all of torch and Ray, and nothing of them is ever garbage, out of an eighth of
the time that they take to import."""


def look_seldom() -> None:
    """Look for garbage when there are so many new objects, for this process alone."""
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
