"""Seconds from a trial's last result to the first training step of the next one, with and without reused actors.

    python -m benchmarks.turnover --store data/sample-96x72

Two real searches of n + 1 trials of one epoch each, one trial at a time, on a small copy of the store: `tuning.search`
as it runs for a person, the second one with `reuse_actors` off. Times are the workers' clocks, all of one machine:

    result      the last epoch is trained, validated and its best weights are written
    saved       the checkpoint of that epoch is written, where there is one
    reset       a reused actor hears of the next trial; until then Ray's driver is at work
    asked       the next trial's first epoch is asked for
    first step  model, optimizer and data are ready, and its first step begins
    stepped     that step is finished on the device

"In all" is until the first step begins.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from common.command_line import Parser, exit_code, positive


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch and Ray take seconds: neither --help nor a mistyped option should wait.
    from benchmarks import subject
    from benchmarks.turnover.searches import TRAIN_PHOTOS, VAL_PHOTOS, WITH, WITHOUT, plan, run, table, turnovers
    from data_prep.store.store import Store
    from tuning.cluster import session

    session.start_ray()
    with tempfile.TemporaryDirectory(prefix="turnover-") as folder:
        store = subject.small_copy(Store.open(options.store), Path(folder, "store"), TRAIN_PHOTOS, VAL_PHOTOS)
        plans = {name: plan(store, Path(folder, "runs", name.replace(" ", "-")), options) for name in (WITH, WITHOUT)}
        found = {name: turnovers(run(each, store, reuse=name == WITH)) for name, each in plans.items()}
        result = table(found, plans[WITH], store, options.n)
    print(result.markdown())
    if options.json:
        options.json.write_text(json.dumps([result.to_json()], indent=2, default=str) + "\n")
    return 0


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.turnover", description=__doc__.splitlines()[0])
    result.add_argument("--store", type=Path, required=True, help="a dataset store; a few people of it are used")
    result.add_argument("--arch", default="resnet50")
    result.add_argument("--space", default="age_bands", help="what varies from trial to trial (default: age_bands)")
    result.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of every trial")
    result.add_argument("--threads", type=positive, help="CPU cores of a trial (default: its share of the machine)")
    result.add_argument("--compile", action="store_true", help="trials with torch.compile")
    result.add_argument("-n", type=positive, default=5, help="turnovers of each kind (default: 5)")
    result.add_argument("--json", type=Path, help="write the table here as well")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
