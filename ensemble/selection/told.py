"""What a person reads of a choice."""

from __future__ import annotations

from collections.abc import Iterator

from common.wording import counted
from ensemble.selection.choice import Choice, Step


def members(choice: Choice) -> str:
    """Name who votes, and with what weight."""
    if choice.is_single:
        return choice.members[0].name
    return ", ".join(f"{member.name} ({member.weight:.0%})" for member in choice.members)


def table(choice: Choice, classes: int, people: int) -> list[str]:
    """Tell what was tried on val, what it is worth, and what is used."""
    width = max(len(step.name) for step in choice.steps) + 2
    title = f"Macro F1 over {classes} classes, by {counted(people, 'person')} of val"
    width = max(width, len(title))
    return [
        f"{title:<{width}}  all of them  left out   gain, 95% interval",
        *(_line(step, width) for step in choice.steps),
        *_verdict(choice),
    ]


def _line(step: Step, width: int) -> str:
    nested = "        -" if step.nested is None else f"{step.nested:9.3f}"
    gain = "" if step.gain is None else f"   {step.gain}, {'used' if step.used else 'not used'}"
    return f"  {step.name:<{width - 2}}  {step.on_val:11.3f} {nested}{gain}"


def _verdict(choice: Choice) -> Iterator[str]:
    yield "All of them chose, so that score is too high. Left out, a fifth at a time, they stand for new people."
    votes = [step for step in choice.steps if step.name.startswith("vote")]
    if choice.nested_f1 is None:
        yield "Val has one person, so nobody can be left out and nothing is estimated: the best single trial votes."
    elif votes and not any(step.used for step in votes):
        yield f"No vote beats {choice.single.name} on people it was not chosen by."
