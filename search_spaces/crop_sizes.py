"""Height and width of the centre crop, told as if every photo were of 512x384 pixels.

    python tune_main.py --space crop_sizes

A face fills about the middle half of a 512x384 portrait. A tall, narrow crop leaves out shoulders and what is left of
the background; a wide one keeps hair and clothes, which say something about gender and age, and something about
nothing but the person. A larger crop also costs more: time grows with its area. Sides go in steps of 8 px, the largest
that the recipe's 360 and the whole photo are both on: a GPU looks for its fastest convolutions anew for every size.
"""

from optuna.distributions import IntDistribution

SPACE = {
    "crop/height": IntDistribution(192, 512, step=8),
    "crop/width": IntDistribution(160, 384, step=8),
}

FIXED: dict[str, object] = {}

START = [
    {"crop/height": 360, "crop/width": 360},  # the reference recipe
    {"crop/height": 472, "crop/width": 376},
    {"crop/height": 400, "crop/width": 200},
    {"crop/height": 320, "crop/width": 256},
]
