"""Age thresholds to train on, and how many years near each are left out.

    python tune_main.py --space age_bands

Nobody's face turns 60 on a birthday: people of 58 and 60 look alike, and only 7% of the photos are of people of 60.
Training with the old band from 58 or 59, or without the people just below it, was worth points to teams that tried it
by hand; some of the best also left out people of 28 and 29. Every trial is still judged on the official bands (<30,
30-59, >=60).
"""

from optuna.distributions import IntDistribution

SPACE = {
    "labels/young_below": IntDistribution(27, 32),
    "labels/old_from": IntDistribution(56, 60),
    "labels/young_gap": IntDistribution(0, 3),
    "labels/old_gap": IntDistribution(0, 3),
}

FIXED: dict[str, object] = {}


def _bands(young_below: int, old_from: int, young_gap: int = 0, old_gap: int = 0) -> dict[str, int]:
    return {
        "labels/young_below": young_below,
        "labels/old_from": old_from,
        "labels/young_gap": young_gap,
        "labels/old_gap": old_gap,
    }


START = [
    _bands(30, 60),  # the reference recipe: the official bands
    _bands(30, 59),
    _bands(30, 58),
    _bands(29, 58),
    _bands(28, 60, 2, 3),
    _bands(30, 60, 0, 3),
]
