"""Soft voting: the weighted mean of the members' class probabilities (never of logits, never over the batch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainable.predict import Probabilities


@dataclass(frozen=True)
class Rule:
    """It says how the members' votes become one prediction.

    Attributes:
        weights: how much each member's vote counts; they sum to 1.
        temperatures: each member's probabilities p become p ** (1 / temperature), normalized: above 1 less sure, below
            1 surer, 1 as they are.
        class_weights: what each class's probability is multiplied by at last, normalized again; None leaves them.

    Raises:
        ValueError: numbers that are none of these.
    """

    weights: tuple[float, ...]
    temperatures: tuple[float, ...]
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights) < 0 or not np.isclose(sum(self.weights), 1):
            raise ValueError(f"weights: one or more, 0 or above, with the sum 1 must hold, but got {self.weights}")
        if len(self.temperatures) != len(self.weights) or not min(self.temperatures) > 0:
            raise ValueError(f"temperatures: one above 0 for each weight must hold, but got {self.temperatures}")
        if self.class_weights is not None and not min(self.class_weights) > 0:
            raise ValueError(f"class_weights: all above 0 must hold, but got {self.class_weights}")

    @classmethod
    def equal(cls, members: int) -> Rule:
        """Let every member count the same."""
        return cls((1 / members,) * members, (1.0,) * members)


def soft_vote(members: Sequence[Probabilities], rule: Rule | None = None) -> Probabilities:
    """Join one [n, classes] array a member, rows summing to 1, to one [n, classes]; by their mean without a rule.

    Raises:
        ValueError: no members, another number than the rule's, or rows that are no probabilities.
    """
    if not members:
        raise ValueError("soft_vote: at least one member is needed, but got none")
    rule = rule or Rule.equal(len(members))
    if len(members) != len(rule.weights):
        raise ValueError(f"soft_vote: {len(rule.weights)} members are needed, as the rule has, but got {len(members)}")
    for number, probabilities in enumerate(members):
        if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
            raise ValueError(f"soft_vote: rows must sum to 1 (softmax over classes), but member {number}'s do not")
    votes = [_tempered(votes, temperature) for votes, temperature in zip(members, rule.temperatures, strict=True)]
    joined = np.einsum("m,mnc->nc", np.asarray(rule.weights), np.stack(votes))
    if rule.class_weights is not None:
        joined = _normalized(joined * np.asarray(rule.class_weights))
    return joined.astype(np.float32)


def _tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    return probabilities if temperature == 1 else _normalized(probabilities ** (1 / temperature))


def _normalized(votes: Probabilities) -> Probabilities:
    return votes / votes.sum(axis=1, keepdims=True)
