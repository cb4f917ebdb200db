"""Options of programs that choose an ensemble. It imports nothing that takes long: --help is not to wait."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import Any

from common.command_line import positive

METHODS = ("greedy", "top", "weights")
VIEWS, MEMBERS = 5, 4


@dataclass(frozen=True)
class Options:
    """It is how an ensemble is to be chosen.

    Attributes:
        method: one of METHODS.
        members: at most so many, or the names of all that vote.
        tta: views of each photo that are tried, the plain one first; 1 is that alone.
        temperature: whether a temperature is tried for each member.
        calibrate_classes: whether a weight is tried for each class.
        soup: whether a mean of trials' weights is tried as one candidate more.
        trials_only: whether what a confirmation trained is left out.
    """

    method: str = METHODS[0]
    members: int | tuple[str, ...] = MEMBERS
    tta: int = VIEWS
    temperature: bool = False
    calibrate_classes: bool = False
    soup: bool = False
    trials_only: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method: one of {', '.join(METHODS)} is needed, but got {self.method!r}")
        few = self.members < 1 if isinstance(self.members, int) else not self.members
        if few or self.tta < 1:
            raise ValueError(f"members and tta: 1 or more are needed, but got {self.members!r} and {self.tta!r}")

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Options:
        """Fill in what was not asked for. Members that are named vote with equal weights."""
        return cls(**{**({"method": "top"} if isinstance(asked.get("members"), tuple) else {}), **asked})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides who votes and how. Without any of them, what was chosen before is used again."""
    group = parser.add_argument_group("who votes (without any of these, what was chosen before is used again)")
    group.add_argument("--choose", action="store_true", help="choose anew, by the other options or their defaults")
    group.add_argument(
        "--method",
        choices=METHODS,
        help="greedy: members are added as long as they help val's macro F1, again and again, which weighs them "
        "(default); top: the best, of equal weight; weights: searched for val's macro F1, drawn towards equal ones",
    )
    group.add_argument(
        "--members",
        metavar="N|NAMES",
        type=members,
        help=f"at most this many vote ({MEMBERS}), or exactly these: trial-003,trial-007, of equal weight",
    )
    group.add_argument(
        "--tta", metavar="N", type=positive, help=f"views of each photo to try, the plain one first ({VIEWS})"
    )
    group.add_argument(
        "--temperature", action="store_const", const=True, help="try a temperature for each member, fitted on val"
    )
    group.add_argument(
        "--calibrate-classes",
        action="store_const",
        const=True,
        help="try a weight for each class, tuned for macro F1 on val",
    )
    group.add_argument(
        "--soup", action="store_const", const=True, help="try the mean of the weights of trials that began alike"
    )
    group.add_argument("--trials-only", action="store_const", const=True, help="leave out what a confirmation trained")


def asked_for(options: argparse.Namespace) -> dict[str, Any]:
    """Find what the command line says of the fields of Options."""
    values = {field.name: getattr(options, field.name) for field in fields(Options)}
    return {name: value for name, value in values.items() if value is not None}


def members(text: str) -> int | tuple[str, ...]:
    """Read a number of members, or their names with commas between: an argparse type."""
    names = tuple(name.strip() for name in text.split(","))
    if len(names) == 1 and (text.strip().isdecimal() or not names[0] or names[0][0] in "-+"):
        return positive(text)
    if not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"names with commas between, each once, are needed, but got {text!r}")
    return names
