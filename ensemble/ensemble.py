"""The chosen trials with their models: votes on photos, with as many views of each as val found to help."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rich.progress import track

from data_prep.store.store import Store
from ensemble.member import Member
from ensemble.selection import Candidate, vote_f1
from ensemble.tta import views
from ensemble.vote import soft_vote
from trainable import device
from trainable.photos.params import View
from trainable.predict import Probabilities
from trainable.recipe.metrics import macro_f1


@dataclass(frozen=True)
class Ensemble:
    """Its members vote on photos.

    Attributes:
        chosen, members: the same trials in the same order, the best single one first.
        views: of each photo; only the plain one where more of them lowered the vote on val.
        on_val: macro F1 on val of the best single trial, of the vote on plain photos and of the vote with all views.
    """

    chosen: list[Candidate]
    members: list[Member]
    views: tuple[View, ...]
    on_val: dict[str, float]

    @classmethod
    def of(cls, chosen: list[Candidate], store: Store, tta: int) -> Ensemble:
        """Load the chosen trials' models. Val decides on test-time augmentation (`tta` views) as it does on members,
        so that what predicts is never below its best member there."""
        members = [Member.load(candidate.folder, store, device.choose()) for candidate in chosen]
        val = store.labelled("val")
        truth = store.classes()[val]
        on_val = {"best_single": chosen[0].val_f1, "vote": vote_f1(chosen, truth)}
        ensemble = cls(chosen, members, views(tta), on_val)
        if tta > 1:
            on_val["vote_with_tta"] = macro_f1(truth, ensemble.predict_rows(val).argmax(axis=1))
            if on_val["vote_with_tta"] < on_val["vote"]:
                return replace(ensemble, views=views(1))
        return ensemble

    @property
    def val_f1(self) -> float:
        """This is the macro F1 on val of what predicts."""
        return self.on_val["vote_with_tta" if len(self.views) > 1 else "vote"]

    def predict_rows(self, rows: npt.NDArray[np.int64]) -> Probabilities:
        """Let the members vote on photos of the store: float32 [n, classes]."""
        return soft_vote([member.predict_rows(rows, self.views) for member in _shown(self.members)])

    def predict_photos(self, photos: npt.NDArray[np.uint8]) -> Probabilities:
        """Let the members vote on uint8 [n, H, W, 3] photos treated like the store's: float32 [n, classes]."""
        return soft_vote([member.predict_photos(photos, self.views) for member in _shown(self.members)])


def _shown(members: list[Member]) -> Iterable[Member]:
    return track(members, description="Predicting", transient=True, disable=not sys.stdout.isatty())
