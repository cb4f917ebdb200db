"""The ensemble's report, ensemble.html: who votes, how well, how sure, and where it errs. For a person, in one file.

It is made of plain arrays (`Judged`) and of what ensemble.json says, so that a search, a model that was taken away or a
test of drawn numbers can have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.files import write_text
from common.page.page import Page, Section
from common.page.parts import table
from common.wording import counted
from ensemble.report import ages, certainty, members, mistakes, scores
from ensemble.report.judged import Judged
from ensemble.report.members import Settings


def write(file: Path, name: str, judged: Judged, about: Mapping[str, Any], settings: Mapping[str, Settings]) -> None:
    """Write the report to `file`, whole or not at all."""
    write_text(file, page(name, judged, about, settings).html())


def page(name: str, judged: Judged, about: Mapping[str, Any], settings: Mapping[str, Settings]) -> Page:
    """Make the report.

    Args:
        name: of the search, or of what else the ensemble is of.
        about: ensemble.json, as `ensemble.selection.kept` writes it.
        settings: of each member, by its name.
    """
    sections = [
        scores.whole(judged),
        members.section(about, settings),
        members.choice(about),
        scores.factors(judged),
        scores.classes(judged),
        scores.paired(judged),
        mistakes.matrices(judged),
        certainty.section(judged),
        ages.section(judged),
        mistakes.worst(judged),
        _made_of(judged, about),
    ]
    return Page(f"The ensemble of {name}", _lead(judged, about), sections)


def _lead(judged: Judged, about: Mapping[str, Any]) -> str:
    counts = f"{counted(len(judged.truth), 'photo')} of {counted(judged.people, 'person')}"
    if judged.split == "test":
        times = "once" if about.get("test_opened", 1) == 1 else f"{about['test_opened']} times"
        return (
            f"All figures below are of test: {counts} that neither trained nor chose anything. Test was opened "
            f"{times}: the more often, the less it says of new people."
        )
    return (
        f"All figures below are of val: {counts}. Val chose the trials' best epochs and the members, so these figures "
        "are higher than new people will see. Test, which tells what to expect, was not opened for this report."
    )


def _made_of(judged: Judged, about: Mapping[str, Any]) -> Section:
    facts = [("task", judged.task.in_words()), ("made", about.get("made")), ("store", about.get("store_hash"))]
    return Section("Made of", [table(["", ""], [[name, value] for name, value in facts if value])])
