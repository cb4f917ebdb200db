"""How fast a trial trains: against the conventional trainer, its own model on a constant batch, and the device's limit.

    python -m benchmarks.trial_throughput --store data/sample-96x72 --photos 256 --workers 0,1,2

Parts, each a table; those that compare programs run them in turn in this process, n rounds, ratios round by round:

    conventional    a trial's epoch against DataLoader, PIL transforms, NCHW (conventional.py), with and without JPEG
    pipeline        data alone, on one core, against the same transforms by PIL
    constant        a trial's epoch against the same model, loss and optimizer on one batch that is on the device
    deterministic   a trial's epoch with --deterministic against one without
    memory          peak memory and photos/s by batch size and crop, a process a cell
    limit           FLOP/s against this device's fastest matrix product, and a profile of where the time goes

Nothing else may run on the cores that are measured: threads wait for one that has lost its core, and two of them can
train ten times slower than one. Tables say how busy the machine was before ("load before").
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.machine import cpu_cores

CELL = "cell"
PARTS = ("conventional", "pipeline", "constant", "deterministic", "memory", "limit")


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch takes seconds: neither --help nor a mistyped option should wait.
    import torch

    from benchmarks import subject
    from benchmarks.trial_throughput import memory, parts
    from data_prep.store.store import Store

    torch.set_num_threads(options.threads)
    store = Store.open(options.store)
    config = subject.config_for(store, options.arch, **parts.settings(options))
    if options.part == [CELL]:
        photos = memory.photos_of(config.train.batch_size, options.photos)
        print(json.dumps(memory.cell(parts.trial(options, config, subject.few(store, photos, config)), options.n)))
        return 0
    store, tables = subject.few(store, options.photos, config), []
    for part in options.part:
        for table in parts.PARTS[part](options, config, store):
            print(table.markdown(), flush=True)
            tables.append(table.to_json())
            if options.json:
                options.json.write_text(json.dumps(tables, indent=2, default=str) + "\n")
    return 0


def numbers(text: str) -> list[int]:
    """An argparse type: "0,1,2"."""
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"whole numbers separated by commas are needed, but got {text!r}")
    return [int(part) for part in text.split(",")]


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.trial_throughput", description=__doc__.splitlines()[0])
    result.add_argument("--store", type=Path, required=True, help="a dataset store")
    result.add_argument(
        "--part",
        nargs="+",
        choices=[*PARTS, CELL],
        metavar="PART",
        default=list(PARTS),
        help=f"which: {', '.join(PARTS)}; default: all",
    )
    result.add_argument("--arch", default="resnet50")
    result.add_argument("--threads", type=positive, default=cpu_cores(), help="torch's, of both (default: all cores)")
    result.add_argument("-n", type=positive, default=5, help="rounds (default: 5)")
    result.add_argument("--photos", type=positive, help="cut an epoch to so many (default: all)")
    result.add_argument("--batch-size", type=positive, help="(default: the profile's)")
    result.add_argument("--crop", type=positive, help="side of a square, in source pixels (default: the profile's)")
    result.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other settings of the trial")
    result.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    result.add_argument("--compile", action="store_true", help="the trial with torch.compile")
    result.add_argument("--json", type=Path, help="write the tables here as well")
    group = result.add_argument_group("conventional")
    group.add_argument(
        "--workers", type=numbers, default=[cpu_cores()], help="of the DataLoader, 0,1,2 say (default: a worker a core)"
    )
    group.add_argument(
        "--decoded",
        action="store_true",
        help="only with photos that are decoded already (default: with and without JPEG)",
    )
    group.add_argument("--no-item", dest="item", action="store_false", help="do not read the loss at every step")
    group.add_argument("--channels-last", action="store_true", help="also in channels_last memory, as few write it")
    group = result.add_argument_group("memory")
    group.add_argument("--batch-sizes", type=numbers, default=[16, 32, 64, 128], help="(default: 16,32,64,128)")
    group.add_argument("--crops", type=numbers, default=[224, 360], help="in source pixels (default: 224,360)")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
