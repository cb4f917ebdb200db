"""What was chosen on val: who votes, by what rule, with which views of each photo, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    """

    members: tuple[Chosen, ...]
    single: Chosen
    class_weights: tuple[float, ...] | None
    views: tuple[View, ...]
    options: Options
    steps: tuple[Step, ...]
    candidates: int
    store_hash: str

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
        """Load the models that vote."""
        return Ensemble(tuple(each.load(store) for each in self.members), self.rule, self.views)

    def load_single(self, store: Store) -> Ensemble:
        """Load the best single candidate, which sees the plain photo only."""
        return Ensemble.alone(self.single.load(store))


def val_votes(store: Store, chosen: Sequence[Chosen], views: tuple[View, ...]) -> Probabilities:
    """Predict the store's val photos by each candidate: float32 [candidates, n, classes], the mean over the views."""
    val = store.labelled("val")
    if all(len(each.folders) == 1 for each in chosen):  # so that views are made once for all
        members = tuple(each.load(store) for each in chosen)
        votes = Ensemble(members, Rule.equal(len(members)), views).member_votes(store, val)
        return votes.mean(axis=1)
    return np.stack([_unseen_votes(each, store, val, views) for each in chosen])


def _unseen_votes(chosen: Chosen, store: Store, val: IntArray, views: tuple[View, ...]) -> Probabilities:
    """Average over the models that have not seen a photo's person in training: of models of folds that is one."""
    total, count = np.zeros((len(val), store.task.classes)), np.zeros(len(val))
    for folder in chosen.folders:
        model = Member.load([folder], store, device.choose())
        train = model.config.train
        unseen = np.isin(val, fold_rows(store, train.folds, train.fold)) if train.folds else np.ones(len(val), bool)
        total[unseen] += Ensemble.alone(model, views).predict_rows(store, val[unseen])
        count[unseen] += 1
    return (total / count[:, None]).astype(np.float32)
