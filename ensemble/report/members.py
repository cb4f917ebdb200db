"""Who votes and why: the members, in which settings they differ, and what was tried on val."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.page.page import Section
from common.page.parts import paragraph, table

Settings = Mapping[str, Any]
"""All settings of a trial by their flat keys."""


def section(about: Mapping[str, Any], settings: Mapping[str, Settings]) -> Section:
    """Set the members of ensemble.json beside each other.

    Args:
        about: ensemble.json.
        settings: of each member, by its name; a member that is not in it has its figures alone.
    """
    members = about["members"]
    names = [member["name"] for member in members]
    rows: list[list[object]] = [
        ["weight", *(f"{member['weight']:.0%}" for member in members)],
        ["macro F1 on val", *(float(member["val_f1"]) for member in members)],
        *([key, *(settings.get(name, {}).get(key) for name in names)] for key in _differ(settings, names)),
    ]
    return Section("Members", [table(["", *names], rows), paragraph(_voting(len(members), about))])


def _differ(settings: Mapping[str, Settings], names: Sequence[str]) -> list[str]:
    known = [settings[name] for name in names if name in settings]
    keys = dict.fromkeys(key for each in known for key in each)
    return [key for key in keys if len({str(each.get(key)) for each in known}) > 1]


def _voting(members: int, about: Mapping[str, Any]) -> str:
    views = len(about["views"])
    seen = "each photo as it is" if views == 1 else f"{views} views of each photo"
    weighed = " At the end each class has a weight of its own." if about.get("class_weights") else ""
    if members == 1:
        return f"One member answers alone; it sees {seen}.{weighed}"
    return (
        f"Their probabilities are averaged by weight; each member sees {seen}.{weighed} "
        "Settings that are not listed are equal."
    )


def choice(about: Mapping[str, Any]) -> Section:
    """Tell what was tried on val, one step after the other, and what was kept."""
    rows = [
        [step["name"], step["on_val"], step["nested"], _gain(step["gain"]), "yes" if step["used"] else "no"]
        for step in about["val"]
    ]
    says = (
        "Val's people chose, so that the first score is too high. For the second, a fifth of them at a time was left "
        "out of the choice and then judged: that is what to expect of new people. What is no clear gain is not used."
    )
    columns = ["tried", "on val", "on people left out", "gain there, 95% interval", "used"]
    return Section("How it was chosen", [table(columns, rows), paragraph(says)])


def _gain(gain: Mapping[str, float] | None) -> str | None:
    if gain is None:
        return None
    return f"{gain['value']:+.3f}, {gain['low']:+.3f} to {gain['high']:+.3f}"
