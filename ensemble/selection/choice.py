"""What was chosen on val: who votes, by what rule, with which views of each photo, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import EnsembleError
from data_prep.labels import IntArray
from data_prep.store.store import Store
from ensemble.selection.derived.confirmed import fold_rows
from ensemble.selection.nested import Gain
from ensemble.selection.options import Options
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member
from ensemble.voting.vote import Rule
from trainable import device
from trainable.photos.views import View
from trainable.predict import Probabilities


@dataclass(frozen=True)
class Chosen:
    """It is a trained model that votes, or several whose probabilities are averaged.

    Attributes:
        name: as of the candidate.
        folders: of its models.
        val_f1: macro F1 on val by itself.
        weight: its share of the vote.
    """

    name: str
    folders: tuple[Path, ...]
    val_f1: float
    weight: float = 1.0
    temperature: float = 1.0

    def load(self, store: Store) -> Member:
        """Load its models on the device that predicts."""
        return Member.load(self.folders, store, device.choose())


@dataclass(frozen=True)
class Step:
    """It is one thing that was tried on val.

    Attributes:
        name: "vote of 3", say.
        on_val: macro F1 on the people it was chosen by, which is too high.
        nested: macro F1 on people it was not chosen by; None where val has one person.
        gain: nested, over what was used before it was tried; None of the first.
        used: whether it is part of the choice.
    """

    name: str
    on_val: float
    nested: float | None
    gain: Gain | None
    used: bool


class Said(NamedTuple):
    """It is what a choice, and its best single candidate alone, say of the labelled photos of a split.

    Attributes:
        split: "val" or "test".
        ensemble, single: float32 [n, classes], in the order of `Store.labelled`.
    """

    split: str
    ensemble: Probabilities
    single: Probabilities


@dataclass(frozen=True)
class Choice:
    """It is who votes and how, and what val says of it.

    Attributes:
        members: the heaviest first.
        single: the best single candidate, with all of the weight.
        class_weights: what each class's probability is multiplied by, or None.
        views: of each photo, the plain one first.
        steps: what was tried, in this order; the first is the best single candidate.
        candidates: how many could have voted.
        store_hash: of the store that they were trained on.
        on_val: what it says of val, where it was just made; None where it was made before.
    """

    members: tuple[Chosen, ...]
    single: Chosen
    class_weights: tuple[float, ...] | None
    views: tuple[View, ...]
    options: Options
    steps: tuple[Step, ...]
    candidates: int
    store_hash: str
    on_val: Said | None = field(default=None, repr=False, compare=False)

    @property
    def last_used(self) -> Step:
        """The step that the choice ended with."""
        return [step for step in self.steps if step.used][-1]

    @property
    def val_f1(self) -> float:
        """This is the macro F1 of the choice on val, which is too high."""
        return self.last_used.on_val

    @property
    def nested_f1(self) -> float | None:
        """This is the macro F1 to expect on new people."""
        return self.last_used.nested

    @property
    def is_single(self) -> bool:
        """Say whether one candidate votes alone."""
        return len(self.members) == 1

    @property
    def rule(self) -> Rule:
        """This is how the members' votes are joined."""
        weights, temperatures = zip(*((each.weight, each.temperature) for each in self.members), strict=True)
        return Rule(weights, temperatures, self.class_weights)

    def load(self, store: Store) -> Ensemble:
        """Load the models that vote.

        Raises:
            EnsembleError: they, or the weights of classes, are of another task than the store's.
        """
        if self.class_weights is not None and len(self.class_weights) != store.task.classes:
            raise EnsembleError(
                f"the choice weighs {len(self.class_weights)} classes, and {store.path} has {store.task.classes}; "
                "choose anew: --choose"
            )
        return Ensemble(tuple(each.load(store) for each in self.members), self.rule, self.views)

    def load_single(self, store: Store) -> Ensemble:
        """Load the best single candidate, which sees the plain photo only."""
        return Ensemble.alone(self.single.load(store))


def val_votes(store: Store, chosen: Sequence[Chosen], views: tuple[View, ...]) -> Probabilities:
    """Predict the store's val photos by each candidate: float32 [candidates, n, classes], the mean over the views."""
    val, members = store.labelled("val"), [each.load(store) for each in chosen]
    votes = np.zeros((len(chosen), len(val), store.task.classes), dtype=np.float32)
    whole = [number for number, member in enumerate(members) if not member.config.train.folds]
    if whole:
        alike = Ensemble(tuple(members[number] for number in whole), Rule.equal(len(whole)), views)
        votes[whole] = alike.member_votes(store, val).mean(axis=1)
    for number in set(range(len(chosen))) - set(whole):
        votes[number] = _out_of_fold(chosen[number], store, val, views)
    return votes


def _out_of_fold(chosen: Chosen, store: Store, val: IntArray, views: tuple[View, ...]) -> Probabilities:
    """Predict each photo by the one of models of folds that has not seen its person."""
    votes = np.zeros((len(val), store.task.classes), dtype=np.float32)
    for folder in chosen.folders:
        member = replace(chosen, folders=(folder,)).load(store)
        train = member.config.train
        unseen = np.isin(val, fold_rows(store, train.folds, train.fold))
        votes[unseen] = Ensemble.alone(member, views).predict_rows(store, val[unseen])
    return votes
