"""GPU-hours until a search has found what random search at full length finds in the end, replayed on recorded curves.

    python -m benchmarks.gpu_hours_to_target
    python -m benchmarks.gpu_hours_to_target --sweep
    python -m benchmarks.gpu_hours_to_target --variants

Nothing is trained: the real scheduler and the real searchers run on a simulated clock (tuning/replay/simulation.py),
and a proposed point is answered with a recorded curve, in the same way for every method: the nearest in the unit cube
(logarithms where the space has them, all settings weighing the same) of those that the run has not had yet. A point
near one that was tried has the luck of another training, not the same curve again; --repeat allows that.

Four methods, each over many seeds:

    random          full length, no stopping
    TPE             full length, the shipped sampler and its starting points
    ASHA + random   the shipped scheduler
    this search     the shipped scheduler, sampler and starting points

All spend the same budget, that of --trials full-length trials, with --slots trials at a time. An epoch costs the median
of the recorded seconds, so that a noisy recording machine does not decide; a slot counts as a GPU, whatever the curves
were recorded on. F1 is the best val_f1 of any epoch so far.
The target is the mean F1 that random search has at its end. For each method the table has

    its mean F1 at shares of the budget, +/- standard error over seeds;
    the GPU-hours at which that mean crosses the target, and how many times fewer than random search's that is, with a
    90% bootstrap interval over seeds; 0 stands for never within the budget;
    the share of seeds that reach the target, and the median GPU-hours to it, where a seed that never did counts as
    longer than any;

and a second table the difference from TPE at full length. The curves are one sample, and the best of them decide much:
--share 0.8 gives each seed another four fifths of them, the same for every method.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.repository import ROOT

CURVES = ROOT / "benchmarks" / "curves" / "bands_and_crops.jsonl"
TOLD = ("complete", "pruned")
"""What Optuna may be told of a trial that was stopped: COMPLETE and PRUNED of tuning/replay/simulation.py."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since Ray and Optuna take seconds: neither --help nor a mistyped option should wait.
    import optuna

    from benchmarks.gpu_hours_to_target import methods
    from benchmarks.gpu_hours_to_target.bench import RANDOM, TPE, Method
    from benchmarks.gpu_hours_to_target.table import table

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    bench = methods.bench_of(options)
    ours = methods.our_search(options)
    random = Method(RANDOM, sampler=RANDOM, start=False)
    tpe = Method(TPE, options=ours.options)
    print(methods.about(bench, ours), flush=True)
    if options.sweep:
        others = [*methods.sweep(ours, bench.epochs)]
    elif options.variants:
        others = [ours, *methods.variants(ours)]
    else:
        others = [dataclasses.replace(ours, name="ASHA + random", sampler=RANDOM, start=False), ours]
    found = {method.name: bench.run(method) for method in (random, tpe, *others)}
    print("\n".join(table(bench, found)))
    return 0


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.gpu_hours_to_target", description=__doc__)
    result.add_argument("--curves", type=Path, default=CURVES, metavar="FILE", help="(default: %(default)s)")
    result.add_argument(
        "--space", default="age_bands+crop_sizes", metavar="NAME", help="of the curves (default: %(default)s)"
    )
    result.add_argument("--trials", type=positive, default=50, metavar="N", help="the budget (default: %(default)s)")
    result.add_argument(
        "--slots", type=positive, default=5, metavar="N", help="trials at a time (default: %(default)s)"
    )
    result.add_argument("--seeds", type=positive, default=50, metavar="N", help="of each method (default: %(default)s)")
    result.add_argument("--share", type=float, default=1.0, help="of the curves, drawn anew for each seed (default: 1)")
    result.add_argument("--repeat", action="store_true", help="a curve may answer again before all others have")
    ours = result.add_argument_group("this search")
    ours.add_argument("--grace", type=positive, default=3, metavar="N", help="(default: %(default)s)")
    ours.add_argument("--reduction", type=positive, default=3, metavar="N", help="(default: %(default)s)")
    ours.add_argument("--by-best", action="store_true", help="ASHA compares the best val_f1 so far, not the last one")
    ours.add_argument("--told", choices=TOLD, default=TOLD[0], help="of a stopped trial, to Optuna")
    ours.add_argument(
        "--sampler", nargs="+", default=[], metavar="KEY=VALUE", help="of TPESampler: n_startup_trials=5 group=true"
    )
    which = result.add_mutually_exclusive_group()
    which.add_argument("--sweep", action="store_true", help="compare grace and reduction instead")
    which.add_argument("--variants", action="store_true", help="compare samplers and what they are told instead")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
