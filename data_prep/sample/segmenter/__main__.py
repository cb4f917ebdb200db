"""Trains the sample's portrait segmenter on drawn portraits and writes it as ONNX.

    python -m data_prep.sample.segmenter          # a few minutes on two cores

Draws portraits with their true masks (nothing is kept on disk), trains network.py on them, exports it and prints its
IoU on portraits of people it has never seen.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive, seed
from common.machine import cpu_cores
from common.security import terminal

FILE = Path(__file__).with_name("segmenter.onnx")


def _parser() -> Parser:
    parser = Parser(prog="python -m data_prep.sample.segmenter", description=__doc__)
    add = parser.add_argument
    add("--portraits", type=positive, default=1200, metavar="N", help="portraits to train on (1200)")
    add("--epochs", type=positive, default=8, metavar="N", help="times each is seen (8)")
    add("--seed", type=seed, default=0, metavar="N", help="of the weights and the order (0)")
    add("--workers", type=positive, default=cpu_cores(), metavar="N", help="drawing processes (one a core)")
    add("--out", type=Path, default=FILE, metavar="FILE", help=f"({FILE.name} beside this script)")
    add("--fresh", type=positive, default=70, metavar="N", help="portraits to measure the IoU on (70)")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    # Imported only now, since torch takes seconds: neither --help nor a mistyped option should wait.
    import numpy as np

    from data_prep.sample.segmenter.training import TRAIN_SEED, examples, export, fresh_ious, train

    photos, masks = examples(options.portraits, TRAIN_SEED, options.workers)
    export(train(photos, masks, options.epochs, options.seed), options.out)
    found = fresh_ious(options.out, options.fresh)
    terminal.say(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")
    terminal.say(f"IoU on {len(found)} fresh portraits: mean {np.mean(found):.3f}, worst {np.min(found):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
