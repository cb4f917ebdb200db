"""Words that go with a number: "1 trial", "2 trials"."""

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
