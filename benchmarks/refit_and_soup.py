"""What a refit and a soup gain on test people: small networks on drawn people, trained again and again.

    python -m benchmarks.refit_and_soup --repeats 8

Each repeat draws people whose photos tell their class by colour, each with a tint of its own; trains two settings that
begin alike; trains the better of them again on train and val, until its best epoch; and mixes the two. Differences of
macro F1 on test, paired: mean, standard deviation over the repeats, and how often it was above zero.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from common.command_line import Parser, exit_code, positive
from common.security import terminal

MASKS = ("worn",) * 5 + ("incorrect", "none")
SPLITS = ("train",) * 14 + ("val",) * 3 + ("test",) * 3
EPOCHS = 8
SETTINGS = ({"schedule/max_lr": 3e-3}, {"schedule/max_lr": 1.5e-3, "loss/smoothing": 0.1})


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = [repeat(Path(folder, str(seed)), seed, options.people) for seed in range(options.repeats)]
    base = [each.pop("best single") for each in found]
    terminal.say(f"best single on test: {np.mean(base):.3f} (sd {np.std(base, ddof=1):.3f}, n = {len(base)})")
    for name in found[0]:
        gains = np.array([each[name] for each in found]) - base
        above = f"above zero in {(gains > 0).sum()} of {len(base)}"
        terminal.say(f"{name:<20} {gains.mean():+.3f} (sd {gains.std(ddof=1):.3f}), {above}")
    return 0


def repeat(folder: Path, seed: int, people: int) -> dict[str, float]:
    """Macro F1 on test of the best of two trials, of its refit, of a soup and of a vote of the two."""
    import torch

    from benchmarks.record_curves.small_resnet import small_resnet
    from data_prep.store.store import Store
    from ensemble.voting.soup import mean, refresh_batch_norm
    from trainable.config import TrialConfig
    from trainable.loop import Trial, train
    from trainable.predict import Probabilities, predict
    from trainable.recipe.metrics import macro_f1
    from trainable.workbench import Workbench

    store: Store = drawn(folder, seed, people)
    test, truth = store.labelled("test"), store.classes()[store.labelled("test")]

    def trained(**changes: object) -> Trial:
        flat = {"model/weights": "none", "optimizer/name": "adamw", "schedule/warmup": 1, "train/epochs": EPOCHS}
        config = TrialConfig.from_flat({**flat, "train/seed": seed, "schedule/cycle": EPOCHS, **changes})
        network = small_resnet(store.task.classes, seed)
        trial = Trial(config, store, Workbench(torch.device("cpu")), network)
        train(trial, lambda _: None)
        assert trial.best is not None
        trial.model.load_state_dict(trial.best.weights)
        return trial

    def says(trial: Trial) -> Probabilities:
        return predict(trial.model, trial._feed, test, trial.preprocessing)

    trials = sorted((trained(**each) for each in SETTINGS), key=lambda each: each.best.val_f1, reverse=True)
    best, other = trials
    told = [says(each) for each in trials]
    refit = trained(**{**best.config.to_flat(), "train/epochs": best.best.epoch, "train/refit": 1})
    found = {"best single": told[0], "its refit": says(refit), "vote of the two": np.mean(told, axis=0)}
    best.model.load_state_dict(mean([best.best.weights, other.best.weights]))
    refresh_batch_norm(best.model, best._feed, store.rows("train"), best.preprocessing)
    found["soup of the two"] = says(best)
    return {name: macro_f1(truth, each.argmax(axis=1)) for name, each in found.items()}


def drawn(folder: Path, seed: int, people: int):
    """Draw a store of 7 photos a person, 70:15:15, of 32x24 pixels."""
    import pandas as pd

    from data_prep.store import store as stores
    from data_prep.store.meta import StoreMeta

    rng = np.random.default_rng(seed)
    rows, photos = [], []
    for person in range(people):
        name, age = f"{person:06d}", (20, 45, 62, 26, 35, 55)[person // 2 % 6]
        split = SPLITS[rng.integers(len(SPLITS))]
        tint = rng.normal(0, 15, 3)
        for number, mask in enumerate(MASKS):
            colour = np.array([50.0 * sorted(set(MASKS)).index(mask), 90.0 * (person % 2), 2.5 * age]) + tint
            photos.append(np.clip(colour + rng.normal(0, 30, (32, 24, 3)), 0, 255).astype(np.uint8))
            rows.append(
                {"path": f"{name}/{number}.jpg", "person": name, "mask": mask, "gender": ("male", "female")[person % 2]}
                | {"age": age, "split": split}
            )
    return stores.write(folder, np.stack(photos), pd.DataFrame(rows), StoreMeta(source_size=(512, 384)))


def _parser() -> Parser:
    parser = Parser(prog="python -m benchmarks.refit_and_soup", description="What a refit and a soup gain on test.")
    parser.add_argument("--repeats", metavar="N", type=positive, default=8, help="so many times (8)")
    parser.add_argument("--people", metavar="N", type=positive, default=160, help="to draw each time (160)")
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(main))
