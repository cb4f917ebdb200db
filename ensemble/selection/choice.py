"""What is chosen on val: who votes, and with how many views of each photo."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data_prep.store.store import Store
from ensemble.selection.candidates import Candidate
from ensemble.selection.greedy import vote_f1
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member
from ensemble.voting.tta import views
from ensemble.voting.vote import Rule
from trainable import device
from trainable.recipe.metrics import macro_f1


@dataclass(frozen=True)
class Choice:
    """It is an ensemble, and what val said of it.

    Attributes:
        chosen: the members' trials in the ensemble's order, the best single one first.
        on_val: macro F1 on val of the best single trial, of the vote on plain photos and of the vote with all views.
    """

    chosen: list[Candidate]
    ensemble: Ensemble
    on_val: dict[str, float]

    @classmethod
    def of(cls, chosen: list[Candidate], store: Store, tta: int) -> Choice:
        """Load the chosen trials' models. Val decides on test-time augmentation (`tta` views) as it does on members,
        so that what predicts is never below its best member there."""
        shares = [(folder, 1 / len(chosen) / len(each.folders)) for each in chosen for folder in each.folders]
        members = tuple(Member.load(folder, store, device.choose()) for folder, _ in shares)
        rule = Rule(tuple(share for _, share in shares), (1.0,) * len(shares))
        val = store.labelled("val")
        truth = store.classes()[val]
        on_val = {"best_single": chosen[0].val_f1, "vote": vote_f1(chosen, truth)}
        ensemble = Ensemble(members, rule, views(tta))
        if tta > 1:
            on_val["vote_with_tta"] = macro_f1(truth, ensemble.predict_rows(store, val).argmax(axis=1))
            if on_val["vote_with_tta"] < on_val["vote"]:
                ensemble = replace(ensemble, views=views(1))
        return cls(chosen, ensemble, on_val)

    @property
    def val_f1(self) -> float:
        """This is the macro F1 on val of what predicts."""
        return self.on_val["vote_with_tta" if len(self.ensemble.views) > 1 else "vote"]
