"""One trial without a search: python -m trainable --data STORE [--epochs N] [--set KEY=VALUE ...] [--out DIR]."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.command_line import Parser, exit_code, positive
from common.files import check_folder
from common.security import terminal
from data_prep.task import FACTORS
from trainable.archs import ARCHS
from trainable.config import TrialConfig, parse_setting

if TYPE_CHECKING:
    from trainable.loop import Metrics


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line an epoch; with --out, keep a checkpoint and go on from one that is there."""
    options = parser().parse_args(arguments)
    given = dict(map(parse_setting, options.set))
    # Imported only now, since torch takes seconds: neither --help nor a mistyped option should wait.
    from data_prep import node_copy
    from trainable import official
    from trainable.device import choose, describe
    from trainable.loop import Trial, train
    from trainable.workbench import Workbench

    store = node_copy.open_store(options.data, say=_say, progress=True)
    official.check_labelled(store)
    _say(f"task: {store.task.in_words()}")
    flat = {**official.thresholds(store.bands), **given}
    if options.epochs is not None:
        flat["train/epochs"] = options.epochs
    if options.weights is not None:
        flat["model/weights"] = options.weights
    if options.arch is not None:
        flat["model/arch"] = options.arch
    config, device = TrialConfig.from_flat(flat), choose(options.device, options.deterministic)
    if options.out:
        check_folder("--out", options.out)
    _say(f"seed {config.train.seed}; {describe(device, options.deterministic)}")
    trial = Trial(config, store, Workbench(device, compile=options.compile, say=_say))
    train(trial, _print, options.out)


def parser() -> Parser:
    result = Parser(prog="python -m trainable", description="Train one trial, without a search.")
    add = result.add_argument
    add("--data", required=True, metavar="STORE", help="dataset store to train on: a folder, or an address (s3://...)")
    add("--epochs", type=positive, help="short for --set train/epochs=N")
    add("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="loss/smoothing=0.1")
    add("--arch", help=f"short for --set model/arch=...: {', '.join(ARCHS)}")
    add("--weights", help="imagenet, none or a file: short for --set model/weights=...")
    add("--out", type=Path, metavar="DIR", help="folder for checkpoint and best epoch")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--deterministic", action="store_true", help="the same bits in every run on one device")
    add("--compile", action="store_true", help="torch.compile, on GPUs from sm_80 on")
    return result


def _say(line: str) -> None:
    terminal.say(line)


def _print(found: Metrics) -> None:
    if "val_f1" not in found:  # of a refit
        terminal.say(f"epoch {found['epoch']:3d}  train_loss {found['train_loss']:.4f}  {found['seconds']:.1f} s")
        return
    factors = " ".join(f"{each} {found[name]:.3f}" for each in FACTORS if (name := f"val_f1_{each}") in found)
    terminal.say(
        f"epoch {found['epoch']:3d}  train_loss {found['train_loss']:.4f}  val_loss {found['val_loss']:.4f}  "
        f"val_f1 {found['val_f1']:.4f} ({factors})  best {found['val_f1_best']:.4f} (epoch {found['best_epoch']})  "
        f"lr {found['lr']:.2e}  {found['photos_per_s']:.0f} photos/s  {found['seconds']:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(exit_code(main))
