"""What a large search costs its driver: Ray Tune's loop, our scheduler, searcher and callbacks, without the training.

    python -m benchmarks.driver_cost --trials 10000 --slots 500

`tuning.search.run` runs as it does for a person; only the workers are simulated. Ray's actor manager is replaced by
one whose actors start at once and whose `train` returns a made-up curve, so that the driver is never idle: driver time
per result is what it needs, and its inverse is the most results a second that it can take. Times are of the CPU,
which other programs on the machine change least; "wall" and "all threads" stand beside them.

A row's figures are of the last `--window` trials that were started before it. Between rows the search is wound
forward: suggestions are random, and snapshots and callbacks other than result.json are left out.

Not in it: Ray's waiting for and fetching of real results, starting of real actors, checkpoints (there are none, which
also leaves out one step of the loop per epoch), failures.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from common.command_line import Parser, exit_code, positive


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch and Ray take seconds: neither --help nor a mistyped option should wait.
    from benchmarks.driver_cost.measured import large_plan, measured
    from benchmarks.driver_cost.report import Report
    from benchmarks.driver_cost.simulated_workers import Simulated
    from tuning import search
    from tuning.cluster import session

    session.start_ray()
    with tempfile.TemporaryDirectory(prefix="driver-cost-") as folder:
        report = Report(options, sys.stdout)
        plan = large_plan(Path(folder), options)
        with Path(folder, "log").open("w") as log, contextlib.redirect_stdout(log), measured(report, options):
            search.run(plan, SimpleNamespace(hash="none"), Simulated)  # type: ignore[arg-type]
        print(f"\n{time.perf_counter() - report.stepped:.0f} s from the last step to the end of the search")
    return 0


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.driver_cost", description=__doc__.splitlines()[0])
    result.add_argument("--trials", type=positive, default=10000)
    result.add_argument("--slots", type=positive, default=500, help="simulated GPUs (default: 500)")
    result.add_argument(
        "--window", type=positive, default=200, help="trials that a row is measured over (default: 200)"
    )
    result.add_argument("--seed", type=int, default=1)
    result.add_argument("--minutes", type=float, default=60, help="stop then, as a budget would (default: 60)")
    result.add_argument("--json", type=Path, help="write the table's rows here as well")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
