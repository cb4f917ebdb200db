"""One trial without a search: python -m trainable --data STORE [--epochs N] [--set KEY=VALUE ...] [--out DIR]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from command_line import exit_code
from data_prep.store import Store
from trainable.config import TrialConfig, parse_setting
from trainable.device import choose
from trainable.loop import Metrics, Trial, train


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line an epoch; with --out, keep a checkpoint and go on from one that is there."""
    parser = argparse.ArgumentParser(prog="python -m trainable", description="Train one trial, without a search.")
    parser.add_argument("--data", required=True, type=Path, metavar="STORE", help="dataset store to train on")
    parser.add_argument("--epochs", type=int, help="short for --set train/epochs=N")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="loss/smoothing=0.1")
    parser.add_argument("--weights", help="imagenet, none or a file: short for --set model/weights=...")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for checkpoint and best epoch")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    options = parser.parse_args(arguments)
    flat = dict(map(parse_setting, options.set))
    if options.epochs is not None:
        flat["train/epochs"] = options.epochs
    if options.weights is not None:
        flat["model/weights"] = options.weights
    trial = Trial(TrialConfig.from_flat(flat), Store.open(options.data), choose(options.device))
    train(trial, _print, options.out)


def _print(found: Metrics) -> None:
    print(
        f"epoch {found['epoch']:3d}  train_loss {found['train_loss']:.4f}  val_loss {found['val_loss']:.4f}  "
        f"val_f1 {found['val_f1']:.4f}  best {found['val_f1_best']:.4f} (epoch {found['best_epoch']})  "
        f"lr {found['lr']:.2e}  {found['photos_per_s']:.0f} photos/s  {found['seconds']:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(exit_code(main))
