"""Trained models that vote on photos: each member sees every view of a photo, and a rule joins their votes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.progress import track

from data_prep.store.store import Store
from ensemble.voting.member import Member
from ensemble.voting.vote import Rule, soft_vote
from trainable.photos.params import View
from trainable.predict import Probabilities


@dataclass(frozen=True)
class Ensemble:
    """Its members vote on photos.

    Attributes:
        rule: how their votes are joined; its weights are in the members' order.
        views: of each photo, the plain one first.
    """

    members: tuple[Member, ...]
    rule: Rule
    views: tuple[View, ...]

    def predict_rows(self, store: Store, rows: npt.NDArray[np.int64], progress: bool = True) -> Probabilities:
        """Let the members vote on photos of the store: float32 [n, classes]."""
        members = _shown(self.members) if progress else self.members
        return soft_vote([member.predict_rows(store, rows, self.views) for member in members], self.rule)

    def predict_photos(self, photos: npt.NDArray[np.uint8]) -> Probabilities:
        """Let the members vote on uint8 [n, H, W, 3] photos treated like the store's: float32 [n, classes]."""
        return soft_vote([member.predict_photos(photos, self.views) for member in self.members], self.rule)


def _shown(members: Iterable[Member]) -> Iterable[Member]:
    return track(list(members), description="Predicting", transient=True, disable=not sys.stdout.isatty())
