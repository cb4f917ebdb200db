"""Words that go with a number: "1 trial", "2 trials", "12 minutes"."""

from __future__ import annotations

_MANY = {"person": "people", "class": "classes"}
"""Of words that take no s."""


def things(number: float, one: str, many: str | None = None) -> str:
    """Choose the word that goes with a number: `one` of them, or `many`; of several words the last one changes."""
    if number == 1:
        return one
    *before, last = one.split(" ")
    return many or " ".join([*before, _MANY.get(last, f"{last}s")])


def counted(number: float, one: str) -> str:
    """Write a number of things, with as many digits as it needs."""
    return f"{number:g} {things(number, one)}" if isinstance(number, float) else f"{number} {things(number, one)}"


def duration(seconds: float) -> str:
    """Write how long something takes, in hours, minutes or seconds: the longest of which there are two."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return counted(round(seconds / length), unit)
    return counted(round(seconds), "second")
