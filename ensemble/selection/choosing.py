"""Chooses an ensemble on val: what is tried is judged nested by person, and used where it is clearly better there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.errors import OptionError
from data_prep.store.store import Store
from ensemble.selection.candidates import Candidate
from ensemble.selection.choice import Choice, Chosen, Said, Step
from ensemble.selection.nested import Judged, judge
from ensemble.selection.options import Options
from ensemble.selection.pool import IntArray, Pool
from ensemble.selection.recipe import by_size, rule_of, top, weigh, with_class_weights, with_temperature
from ensemble.voting.tta import views
from ensemble.voting.vote import Rule
from trainable.photos.views import View
from trainable.predict import Probabilities

Seen = Callable[[Sequence[Chosen], tuple[View, ...]], Probabilities]
"""Runs models on the val photos: float32 [chosen, n, classes], the mean over the views."""


def choose(found: Sequence[Candidate], store: Store, options: Options, seen: Seen) -> Choice:
    """Choose who votes, and then whether views, temperatures and class weights help them. Only views run models.

    Raises:
        OptionError: a member is named that is no candidate.
    """
    shown = views(options.tta)
    able = _named(found, options.members) if isinstance(options.members, tuple) else list(found)
    pool = Pool.of(able, store)
    members, steps = _members(pool, options, able)
    chosen = [Chosen(able[i].name, able[i].folders, able[i].val_f1) for i in members]
    vote = _Vote(pool.members(members), lambda part: rule_of(weigh(part, options.method)), views(1), steps)
    if options.tta > 1:
        vote = vote.trying_views(seen(chosen, shown), shown)
    if options.temperature:
        vote = vote.trying("a temperature for each member", with_temperature)
    if options.calibrate_classes:
        vote = vote.trying("a weight for each class", with_class_weights)
    best = able[int(pool.single_f1().argmax())]
    choice = vote.choice(chosen, Chosen(best.name, best.folders, best.val_f1), options, len(found), store.hash)
    return replace(choice, on_val=Said("val", vote.probabilities(), best.probabilities))


def _named(found: Sequence[Candidate], names: tuple[str, ...]) -> list[Candidate]:
    by_name = {candidate.name: candidate for candidate in found}
    for name in names:
        if name not in by_name:
            raise OptionError(f"--members {name}: no such candidate; name some of {', '.join(by_name)}")
    return [by_name[name] for name in names]


def _members(pool: Pool, options: Options, able: Sequence[Candidate]) -> tuple[IntArray, tuple[Step, ...]]:
    """Begin with the best single candidate: a vote of more must be clearly better than the best so far, unless its
    members were named. Returns who votes, by position, and what was tried."""
    best, *votes = judge(pool, _votes(options, len(able)))
    single = able[int(np.argmax(best.rule.weights))].name
    current, steps, size = best, [Step(f"best single trial, {single}", best.on_val, best.nested(pool), None, True)], 1
    for vote in votes:
        if (voting := int(np.count_nonzero(vote.rule.weights))) <= size:
            break  # the method gives weight to no more
        size, gain = voting, vote.gain(pool, current)
        used = isinstance(options.members, tuple) or (gain is not None and gain.is_clear)
        steps.append(Step(f"vote of {size}", vote.on_val, vote.nested(pool), gain, used))
        current = vote if used else current
    return np.flatnonzero(current.rule.weights), tuple(steps)


def _votes(options: Options, candidates: int) -> Callable[[Pool], list[Rule]]:
    """Give what makes the rules to be judged: the best single candidate's, and then votes by their size."""
    if isinstance(options.members, tuple):
        return lambda part: [rule_of(top(part, 1)), rule_of(weigh(part, options.method))]
    most = min(options.members, candidates)
    return lambda part: by_size(part, options.method, most)


@dataclass(frozen=True)
class _Vote:
    """It is a vote whose members are chosen.

    Attributes:
        pool: of the members, with what is shown of each photo.
        fit: makes the rule of any people's photos.
        steps: what was tried to come here.
    """

    pool: Pool
    fit: Callable[[Pool], Rule]
    views: tuple[View, ...]
    steps: tuple[Step, ...]

    def trying_views(self, probabilities: Probabilities, shown: tuple[View, ...]) -> _Vote:
        """Show several views of each photo, if the vote is clearly better then."""
        changed = replace(self, pool=replace(self.pool, probabilities=probabilities), views=shown)
        [new], [old] = (judge(vote.pool, lambda part: [self.fit(part)]) for vote in (changed, self))
        return self._or(changed, f"{len(shown)} views of each photo", new, old)

    def trying(self, name: str, improve: Callable[[Pool, Rule], Rule]) -> _Vote:
        """Fit something more, if the vote is clearly better then."""

        def both(part: Pool) -> list[Rule]:
            rule = self.fit(part)
            return [rule, improve(part, rule)]

        old, new = judge(self.pool, both)
        return self._or(replace(self, fit=lambda part: both(part)[1]), name, new, old)

    def _or(self, changed: _Vote, name: str, new: Judged, old: Judged) -> _Vote:
        gain = new.gain(self.pool, old)
        before = next(step for step in reversed(self.steps) if step.used).nested
        nested = None if gain is None or before is None else before + gain.value
        step = Step(name, new.on_val, nested, gain, gain is not None and gain.is_clear)
        return replace(changed if step.used else self, steps=(*self.steps, step))

    def probabilities(self) -> Probabilities:
        """Give what it says of all of val: float32 [n, classes]."""
        return self.pool.vote(self.fit(self.pool))

    def choice(
        self, chosen: Sequence[Chosen], single: Chosen, options: Options, candidates: int, store_hash: str
    ) -> Choice:
        """Fit the rule to all of val, and say what it is."""
        rule = self.fit(self.pool)
        members = [
            replace(each, weight=weight, temperature=temperature)
            for each, weight, temperature in zip(chosen, rule.weights, rule.temperatures, strict=True)
            if weight > 0
        ]
        members.sort(key=lambda each: -each.weight)
        return Choice(
            tuple(members), single, rule.class_weights, self.views, options, self.steps, candidates, store_hash
        )
