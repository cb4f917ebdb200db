"""The card of a model that leaves its search, README.md: what it is, how good, what for and what not."""

from __future__ import annotations

from ensemble.model.description import Description


def card(description: Description) -> str:
    """Write the card."""
    return "# A model\n"
