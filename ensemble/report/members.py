"""Who votes: the members, how much each counts, how each did on val, and in which settings they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.page.page import Section
from common.page.parts import paragraph, table

Settings = Mapping[str, Any]
"""All settings of a trial by their flat keys."""


def section(about: Mapping[str, Any], settings: Mapping[str, Settings]) -> Section:
    """List the members of ensemble.json beside each other.

    Args:
        about: ensemble.json.
        settings: of each member, by its name; a member that is not in it has its figures alone.
    """
    members = about["members"]
    names = [member["trial"] for member in members]
    rows: list[list[object]] = [
        ["weight", *(float(member.get("weight", 1 / len(members))) for member in members)],
        ["macro F1 on val", *(float(member["val_f1"]) for member in members)],
        *([key, *(settings.get(name, {}).get(key) for name in names)] for key in _differ(settings, names)),
    ]
    return Section("Members", [table(["", *names], rows), paragraph(_explained(len(members), len(about["views"])))])


def _differ(settings: Mapping[str, Settings], names: list[str]) -> list[str]:
    known = [settings[name] for name in names if name in settings]
    keys = dict.fromkeys(key for each in known for key in each)
    return [key for key in keys if len({str(each.get(key)) for each in known}) > 1]


def _explained(members: int, views: int) -> str:
    seen = "each photo as it is" if views == 1 else f"{views} views of each photo"
    if members == 1:
        return f"One member answers alone; it sees {seen}."
    return (
        f"Their probabilities are averaged by weight; each member sees {seen}. Settings that are not listed are equal."
    )
