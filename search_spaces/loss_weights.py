"""Weights of focal loss, label smoothing and soft F1, the focal gamma, and how much is smoothed.

    python tune_main.py --space loss_weights

Soft F1 is what is scored but says little early; focal loss looks at hard photos, mislabelled ones among them; label
smoothing calms both. Weights also scale the step, so a search over them is a search over the learning rate too. The
focal weight stays above zero: something must be left to train on.
"""

from optuna.distributions import FloatDistribution

SPACE = {
    "loss/focal_weight": FloatDistribution(0.1, 2.0),
    "loss/smoothing_weight": FloatDistribution(0.0, 2.0),
    "loss/f1_weight": FloatDistribution(0.0, 2.0),
    "loss/focal_gamma": FloatDistribution(0.0, 5.0),
    "loss/smoothing": FloatDistribution(0.0, 0.2),
}

FIXED: dict[str, object] = {}


def _loss(focal: float, smoothing: float, f1: float, gamma: float = 2.0, amount: float = 0.02) -> dict[str, float]:
    return {
        "loss/focal_weight": focal,
        "loss/smoothing_weight": smoothing,
        "loss/f1_weight": f1,
        "loss/focal_gamma": gamma,
        "loss/smoothing": amount,
    }


START = [
    _loss(1.0, 1.0, 1.0),  # the reference recipe
    _loss(1.0, 0.0, 0.0),  # focal loss alone
    _loss(0.1, 1.0, 0.0, amount=0.1),  # nearly cross-entropy with the usual label smoothing
    _loss(1.0, 1.0, 0.2),
]
