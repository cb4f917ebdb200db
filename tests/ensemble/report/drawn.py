"""Drawn votes for tests of the report: people with errors of their own, whose photos and names nobody took."""

from __future__ import annotations

import numpy as np

from data_prep.labels import MASKS, IntArray, age_band
from data_prep.task import Task
from ensemble.report.judged import Judged, Votes

GAIN = {"value": 0.02, "low": 0.001, "high": 0.04, "noise": 0.01}

MASK_OF_SEVEN = (0, 0, 0, 0, 0, 1, 2)


def drawn_judged(people: int = 40, seed: int = 0, task: Task | None = None, split: str = "test") -> Judged:
    """Draw seven photos of each person, and an ensemble that is a little better than its best member."""
    rng, task = np.random.default_rng(seed), task or Task()
    person = np.repeat(np.arange(people), 7)
    age = rng.integers(18, 75, people)[person]
    mask = np.array(MASK_OF_SEVEN * people)
    truth = task.encode(mask, (np.arange(people) % 2)[person], age_band(age))
    ability = rng.normal(2.0, 0.6, people)[person]
    common_noise = rng.normal(0, 1, (len(truth), task.classes))
    votes = [
        Votes(name, _softmax(truth, ability + more, common_noise + rng.normal(0, spread, common_noise.shape)))
        for name, more, spread in (("ensemble", 0.9, 0.3), ("trial-003", 0.4, 0.9))
    ]
    names = np.array([f"{each:06d}/{MASKS[state]}.jpg" for each, state in zip(person, mask, strict=True)], dtype=object)
    people_names = np.array([f"{each:06d}" for each in person], dtype=object)
    return Judged(
        split=split, task=task, truth=truth, person=people_names, age=age, names=names, ensemble=votes[0],
        single=votes[1], pixels=_drawn_pixels,
    )  # fmt: skip


def _softmax(truth: IntArray, ability: np.ndarray, noise: np.ndarray) -> np.ndarray:
    logits = noise.copy()
    logits[np.arange(len(truth)), truth] += ability
    shares = np.exp(2 * logits)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _drawn_pixels(positions: IntArray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (len(positions), 4, 3, 3)).astype(np.uint8).repeat(24, axis=1).repeat(24, axis=2)


def about(names: tuple[str, ...] = ("trial-003", "trial-001")) -> dict[str, object]:
    """What ensemble.json says of such an ensemble."""
    return {
        "made": "2030-01-02T03:04:05+00:00",
        "store_hash": "0123abcd",
        "members": [
            {"name": name, "val_f1": 0.5 - 0.01 * place, "weight": 1 / len(names)} for place, name in enumerate(names)
        ],
        "views": [{"angle": 0.0, "flip": False}],
        "class_weights": None,
        "val": [
            {"name": "best single trial", "on_val": 0.5, "nested": 0.49, "gain": None, "used": True},
            {"name": "vote of 2", "on_val": 0.55, "nested": 0.51, "gain": GAIN, "used": True},
        ],
        "test_opened": 1,
    }
