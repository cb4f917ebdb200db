"""What an ensemble is worth on people on whom nothing was tuned: macro F1 with intervals, and by factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.wording import counted
from data_prep.store.store import Store
from data_prep.task import IN_WORDS
from ensemble.selection.choice import Choice, Said
from ensemble.voting.ensemble import Ensemble
from trainable.recipe.intervals import Difference, Score, paired_difference
from trainable.recipe.metrics import macro_f1


@dataclass(frozen=True)
class OnTest:
    """It is what test says of an ensemble.

    Attributes:
        said: of the store's labelled test photos.
        people: how many they are of.
        single: of the best single trial, which sees the plain photo.
        ensemble: of the vote.
        gain: of the vote over the best single trial, on the same people.
        by_factor: the vote's macro F1 over the values of each factor of the task.
    """

    said: Said
    people: int
    single: Score
    ensemble: Score
    gain: Difference
    by_factor: Mapping[str, float]

    @classmethod
    def of(cls, choice: Choice, ensemble: Ensemble, store: Store) -> OnTest | None:
        """Open test: None where it has no photo with all labels of the store's task."""
        test = store.labelled("test")
        if len(test) == 0:
            return None
        truth, person, task = store.classes()[test], store.person[test], store.task
        votes = ensemble.predict_rows(store, test)
        votes_alone = choice.load_single(store).predict_rows(store, test)
        vote, alone = votes.argmax(axis=1), votes_alone.argmax(axis=1)
        actual, said = task.split(truth), task.split(vote)
        return cls(
            Said("test", votes, votes_alone),
            len(set(person)),
            Score.of(truth, alone, person, task),
            Score.of(truth, vote, person, task),
            paired_difference(truth, alone, vote, person, task),
            {factor: macro_f1(actual[factor], said[factor]) for factor in actual},
        )

    def to_json(self) -> dict[str, Any]:
        """Give what ensemble.json keeps."""
        return {
            "photos": len(self.said.ensemble),
            "best_single": vars(self.single),
            "ensemble": vars(self.ensemble),
            "gain": {**vars(self.gain), "told_apart": self.gain.told_apart},
            "by_factor": dict(self.by_factor),
        }

    def lines(self, choice: Choice, opened: int) -> Iterator[str]:
        """Tell it to a person.

        Args:
            opened: how often test has been, this time among them.
        """
        views, members = len(choice.views), len(choice.members)
        name = f"ensemble of {members}, {counted(views, 'view')}"
        title = f"Macro F1 over {self.ensemble.classes} classes"
        yield f"\n{title:<36}  test   95% interval over {counted(self.people, 'test person')}"
        yield f"  {f'best single trial, {choice.single.name}':<34}  {self.single}"
        yield f"  {name:<34}  {self.ensemble}"
        yield f"  {'what the ensemble gains':<34}  {self.gain}"
        if self.ensemble.note:
            yield f"  {self.ensemble.note}: the interval allows for it"
        if len(self.by_factor) > 1:
            scores = ", ".join(f"{IN_WORDS[factor]} {score:.3f}" for factor, score in self.by_factor.items())
            yield f"The vote by factor: {scores}"
        times = "once" if opened == 1 else f"{opened} times: the more often, the less it says of new people"
        yield f"Test was opened {times}.\n"
