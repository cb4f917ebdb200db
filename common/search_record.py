"""The record of a search, search.json: what a search was asked for, what it has cost so far, and how it ended."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from common import search_state
from common.files import write_json
from common.search_folder import SEARCH
from common.security import regular_file


class State(StrEnum):
    """What a search is doing, or how it ended. The last three leave trials that can go on."""

    RUNNING = "running"
    FINISHED = "finished"
    """Every trial has ended."""
    INTERRUPTED = "interrupted"
    """By Ctrl-C."""
    SPENT = "budget spent"
    """A time limit was reached."""
    FAILING = "failing"
    """Too many trials failed."""


class NamedStore(TypedDict, total=False):
    """A dataset store: its folder or address, and the hash of its content."""

    path: str
    hash: str


class Cost(TypedDict, total=False):
    """What a search has spent so far, and the GPU-hours that stopping trials early has saved."""

    trials: int
    epochs: int
    hours: float
    gpu_hours: float
    gpu_hours_saved: float


class FailedTrials(TypedDict):
    """The trials that failed for one reason; `diverged` says that it was their settings'."""

    reason: str
    diverged: bool
    trials: list[str]


@dataclass(frozen=True)
class SearchRecord:
    """search.json. A file of another version may lack keys, which are then empty here.

    Attributes:
        command: the words that started the search.
        state: None where the file does not say.
        plan: what was decided before anything ran, as `tuning.plan` writes it, and every key that is unknown here.
        versions: of the packages by name; code: the hash of the training code.
        started, ended: when, ISO 8601 in UTC.
        confirms: of a confirmation, which trials it trains again: "candidates", each in all "runs", the seeds or folds
            that are the setting "key"; and how many "trials" they are the best of.
        refits: of a refit, the "members" that it trains on all people, and whose "folders" it takes the place of.
        failed: the trials that have failed, by reason.
        failing: "7 of 8" trials failed, which ended it.
    """

    command: list[str] | None = None
    name: str = ""
    state: State | None = None
    plan: dict[str, Any] = field(default_factory=dict)
    store: NamedStore = field(default_factory=NamedStore)
    versions: dict[str, str] = field(default_factory=dict)
    code: str = ""
    started: str = ""
    spent: Cost = field(default_factory=Cost)
    confirms: dict[str, Any] | None = None
    refits: dict[str, Any] | None = None
    ended: str = ""
    failed: list[FailedTrials] | None = None
    failing: str | None = None

    def __post_init__(self) -> None:
        # What others may have made is looked at whole here, so that no program has to do it again.
        for name, (fits, needed) in _RULES.items():
            if not fits(value := getattr(self, name)):
                raise ValueError(f"{name}: {needed} needed, but it is {json.dumps(value, default=str)[:60]}")
        if self.state is not None:
            object.__setattr__(self, "state", State(self.state))

    @property
    def named_store(self) -> tuple[str, str]:
        """Name the path and the hash of its store. Raises ValueError: it names none."""
        if not {"path", "hash"} <= self.store.keys():
            raise ValueError("it names no store, so it is of another version; start a new search")
        return self.store["path"], self.store["hash"]

    @property
    def trains_again(self) -> bool:
        """Say whether it is a confirmation or a refit, of what another search found."""
        return bool(self.confirms or self.refits)

    @classmethod
    def of(cls, text: str | bytes) -> SearchRecord:
        """Raises ValueError: it is no JSON object, or says what no search says."""
        try:
            about = regular_file.parse_json(text)
        except ValueError:
            raise ValueError("it is no JSON") from None
        if not isinstance(about, dict):
            raise ValueError("it is no JSON object")
        return cls().changed(about)

    @classmethod
    def read(cls, folder: Path) -> SearchRecord:
        """Read the record of the search in `folder`, as its newest state has it (`search_state.record_of`).

        Raises:
            FileNotFoundError: no search is there. OSError: it cannot be read. ValueError: as for `of`.
        """
        return cls.of(search_state.record_of(folder))

    def write(self, folder: Path, *, flushed: bool = False) -> None:
        """Write search.json. Before a search has a state it is all there is, and is to be `flushed`; later it is only
        for people to look at."""
        write_json(folder / SEARCH, self.to_json(), flushed=flushed)

    def changed(self, changes: Mapping[str, Any]) -> SearchRecord:
        """The record in which some keys of the file have other values."""
        own = {key: value for key, value in changes.items() if key in _OWN}
        plan = {key: value for key, value in changes.items() if key not in _OWN}
        return dataclasses.replace(self, **own, plan={**self.plan, **plan})

    def to_json(self) -> dict[str, Any]:
        about: dict[str, Any] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            about |= value if each.name == "plan" else {each.name: value} if value not in (None, "", {}) else {}
        return {**about, "failing": self.failing} if self.ended else about


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _is_dict(value: Any, each: Callable[[Any], bool] = lambda _: True) -> bool:
    return isinstance(value, dict) and all(map(each, value.values()))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e300


def _are(each: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(each, value))


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**63


def _says(rules: Mapping[str, Callable[[Any], bool]], value: Any) -> bool:
    return isinstance(value, dict) and all(name in value and fits(value[name]) for name, fits in rules.items())


def _is_confirmation(value: Any) -> bool:
    """Say whether it names candidates and runs; folds are all there, from 0 on."""
    if not _says(_CONFIRMS, value):
        return False
    runs = list(value["runs"])
    return len(set(runs)) == len(runs) if value["key"] == SEED else len(runs) > 1 and runs == [*range(len(runs))]


def _is_group(value: Any) -> bool:
    return _is_dict(value) and _is_text(value.get("reason")) and "diverged" in value and _are_texts(value.get("trials"))


SEED, FOLD = "train/seed", "train/fold"
"""The setting that a confirmation varies."""

_CANDIDATE = {"name": _is_text, "searched": _is_number, "settings": _is_dict}
_CONFIRMS: dict[str, Callable[[Any], bool]] = {
    "key": lambda value: value in (SEED, FOLD),
    "runs": partial(_are, _is_whole),
    "trials": _is_whole,
    "candidates": partial(_are, partial(_says, _CANDIDATE)),
}
_MEMBER: dict[str, Callable[[Any], bool]] = {"name": _is_text, "folders": partial(_are, _is_text), "settings": _is_dict}
_REFITS = {"members": partial(_are, partial(_says, _MEMBER))}

_TEXT = (_is_text, "a text is")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "command": (lambda value: value is None or _are_texts(value), "a list of words is"),
    "store": (lambda value: _is_dict(value, _is_text), "a path and a hash are"),
    "versions": (lambda value: _is_dict(value, _is_text), "packages and their versions are"),
    "spent": (lambda value: _is_dict(value, _is_number), "numbers of 0 or more are"),
    "confirms": (
        lambda value: value in (None, {}) or _is_confirmation(value),
        "a key, runs, trials and candidates, with name, score and settings, are",
    ),
    "refits": (
        lambda value: value in (None, {}) or _says(_REFITS, value),
        "members, with name, folders and settings, are",
    ),
    "failed": (lambda value: value is None or (isinstance(value, list) and all(map(_is_group, value))), "groups are"),
    "failing": (lambda value: value is None or _is_text(value), "a text is"),
    **dict.fromkeys(("name", "code", "started", "ended"), _TEXT),
}
"""By field: what fits, and what is needed, in words."""

_OWN = {each.name for each in dataclasses.fields(SearchRecord)} - {"plan"}
