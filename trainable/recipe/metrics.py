"""The score: macro F1, and how far chance in the choice of people could have moved it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]


def macro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Average F1 over the classes that occur in `truth` (both int [n], classes from 0).

    Raises:
        ValueError: no labels, a class below 0, or arrays of different lengths.
    """
    actual, guess = _checked(truth, predicted)
    n = int(max(actual.max(), guess.max())) + 1
    hits = np.bincount(actual[actual == guess], minlength=n)
    return float(_mean_f1(hits, np.bincount(actual, minlength=n), np.bincount(guess, minlength=n)))


def macro_f1_interval(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    person: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Find the percentile interval of macro F1 over `bootstrap_macro_f1`'s resamples of the people.

    Args:
        level: share of resamples between the two ends, in 0..1.
    """
    scores = bootstrap_macro_f1(truth, np.asarray(predicted)[None], person, resamples, seed)[:, 0]
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_macro_f1(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, person: npt.ArrayLike, resamples: int = 1000, seed: int = 0
) -> Counts:
    """Score several models by macro F1 on the same resamples of the people: float64 [resamples, models].

    The models of one resample met the same people, so that a comparison of two is a paired one. People are drawn, not
    photos: one person's photos err together. They are drawn among those with the same classes, so that no class drops
    out of the mean when its few people are not drawn: the mean would then be of easier classes, and too high. A class
    that rests on one person therefore adds no width: read a spread of these scores as a lower bound of the uncertainty.

    Args:
        truth: int [n], classes from 0.
        predicted: int [models, n].
        person: [n], anything that sorts; the photos with one value are drawn together.

    Raises:
        ValueError: no labels, no models, a class below 0, or arrays of different lengths.
    """
    pairs = [_checked(truth, guess) for guess in np.asarray(predicted)]
    people, owner = np.unique(np.asarray(person), return_inverse=True)
    if not pairs or owner.shape != pairs[0][0].shape:
        raise ValueError(f"predicted [models >= 1, n] and person [n] must hold, but got {len(pairs)}, {owner.shape}")
    actual = pairs[0][0]
    n = max(int(guess.max()) for pair in pairs for guess in pair) + 1

    def by_person(classes: npt.NDArray[np.int64], keep: npt.NDArray[np.bool_] | slice = slice(None)) -> Counts:
        flat = np.bincount(owner[keep] * n + classes[keep], minlength=len(people) * n)
        return flat.reshape(len(people), n).astype(np.float64)

    by_class = by_person(actual)
    drawn = _draw(_alike(by_class), resamples, np.random.default_rng(seed))
    positives = drawn @ by_class
    scores = [
        _mean_f1(drawn @ by_person(guess, guess == actual), positives, drawn @ by_person(guess)) for _, guess in pairs
    ]
    return np.stack(scores, axis=1)


def _draw(groups: list[npt.NDArray[np.int64]], resamples: int, rng: np.random.Generator) -> Counts:
    """Count how often each resample draws each person, as many from a group as it has people: [resamples, people]."""
    drawn = np.empty((resamples, sum(map(len, groups))))
    for group in groups:
        drawn[:, group] = rng.multinomial(len(group), np.full(len(group), 1 / len(group)), size=resamples)
    return drawn


def _alike(actual: Counts) -> list[npt.NDArray[np.int64]]:
    """Counts [people, classes] -> positions of the people who have photos in the same classes, a group at a time."""
    _, group_of = np.unique(actual > 0, axis=0, return_inverse=True)
    return [np.flatnonzero(group_of == group) for group in range(group_of.max() + 1)]


def _mean_f1(hits: npt.ArrayLike, actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Counts:
    """Counts [..., classes] -> mean over the classes with an actual one of 2 hits / (actual + predicted)."""
    both = np.asarray(actual) + np.asarray(predicted)
    present = np.asarray(actual) > 0
    f1 = np.where(present, 2 * np.asarray(hits) / np.maximum(both, 1), 0.0)
    return np.asarray(f1.sum(axis=-1) / present.sum(axis=-1))


def _checked(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    actual, guess = np.asarray(truth, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if len(actual) == 0 or actual.shape != guess.shape:
        raise ValueError(f"truth and predicted: one length >= 1 must hold, but got {actual.shape} and {guess.shape}")
    if min(actual.min(), guess.min()) < 0:
        raise ValueError("truth and predicted: classes >= 0 must hold; leave photos without a label out")
    return actual, guess
