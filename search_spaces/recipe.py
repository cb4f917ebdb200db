"""The whole recipe: age bands, crop, loss and schedule together.

    python tune_main.py --space recipe

17 settings are a lot for the trials of one night: search the parts first, then this around what they found. It is
the join age_bands+crop_sizes+loss_weights+scheduler_decay under a name of its own.
"""

JOIN = ("age_bands", "crop_sizes", "loss_weights", "scheduler_decay")
