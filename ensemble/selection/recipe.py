"""From val predictions to a rule: who votes with what weight, how sure each member is, what each class counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ensemble.selection.fitting.class_weights import fit_class_weights
from ensemble.selection.fitting.greedy import greedy
from ensemble.selection.fitting.temperature import fit_temperature
from ensemble.selection.fitting.weights import simplex
from ensemble.selection.pool import IntArray, Pool, Weights
from ensemble.voting.vote import Rule

FLOOR = 0.8
"""A member's least share of the best trial's val F1. Val has few people: a trial far below the best can only help a
vote there by luck."""


def top(pool: Pool, size: int) -> Weights:
    """Weigh the best `size` candidates equally."""
    weights = np.zeros(len(pool.probabilities))
    weights[np.argsort(-pool.single_f1(), kind="stable")[:size]] = 1
    return weights / weights.sum()


def weigh(pool: Pool, method: str) -> Weights:
    """Weigh all candidates by a method: float64 [candidates] with the sum 1."""
    candidates = len(pool.probabilities)
    return top(pool, candidates) if method == "top" or candidates == 1 else FITTED[method](pool)


FITTED: dict[str, Callable[[Pool], Weights]] = {"greedy": greedy, "weights": simplex}
"""How weights are fitted, by the name of the method; those of \"top\" are equal."""


def by_size(pool: Pool, method: str, most: int) -> list[Rule]:
    """Make a rule for each number of members up to `most`: the best single candidate, then the method's votes.

    Of a method that fits weights, fewer members are the heaviest, weighed anew among themselves.
    """
    heaviest = np.argsort(-pool.single_f1(), kind="stable")
    if method != "top" and most > 1:
        able = _able(pool)
        weights = weigh(pool.members(able), method)
        heaviest = able[np.argsort(-weights, kind="stable")][: np.count_nonzero(weights)]
    votes = [_of(pool, method, np.sort(heaviest[:size])) for size in range(2, most + 1)]
    return [rule_of(top(pool, 1)), *votes]


def _able(pool: Pool) -> IntArray:
    """Find those that are not far below the best (FLOOR)."""
    scores = pool.single_f1()
    return np.flatnonzero(scores >= FLOOR * scores.max())


def _of(pool: Pool, method: str, members: IntArray) -> Rule:
    weights = np.zeros(len(pool.probabilities))
    weights[members] = weigh(pool.members(members), method)
    return rule_of(weights)


def rule_of(weights: Weights) -> Rule:
    """Make a rule of weights alone."""
    return Rule(tuple(weights.tolist()), (1.0,) * len(weights))


def with_temperature(pool: Pool, rule: Rule) -> Rule:
    """Fit a temperature for each member that has weight."""
    fitted = [
        fit_temperature(probabilities, pool.truth) if weight > 0 else 1.0
        for probabilities, weight in zip(pool.probabilities, rule.weights, strict=True)
    ]
    return replace(rule, temperatures=tuple(fitted))


def with_class_weights(pool: Pool, rule: Rule) -> Rule:
    """Fit a weight for each class."""
    return replace(rule, class_weights=tuple(fit_class_weights(pool, pool.vote(rule)).tolist()))
