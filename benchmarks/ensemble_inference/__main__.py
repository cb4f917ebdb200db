"""How fast an ensemble predicts: against the conventional loop, which for each model and each view decodes every photo.

    python -m benchmarks.ensemble_inference --store data/sample-96x72 --photos 64
    python -m benchmarks.ensemble_inference --store data/sample-96x72 --arch resnet18 --photos 256 --views 10

The loop is written as good practitioners do: a Dataset of files decoded by PIL, torchvision's transforms on PIL images,
a DataLoader, inference_mode, autocast in the same type, in NCHW and in channels_last memory. Members, views and photos
are the same; its rotations and resizes round to whole grey levels, as PIL does. The members' weights are drawn, their
batch norms have seen the photos, and their heads are scaled until they are as sure of a class as trained ones.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.machine import cpu_cores

SOURCES = ["JPEG files", "decoded photos"]
"""As `benchmarks.trial_throughput.conventional` calls them, which takes seconds to import."""


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.ensemble_inference", description=__doc__.splitlines()[0])
    result.add_argument("--store", type=Path, required=True, help="a dataset store")
    result.add_argument("--arch", default="resnet50")
    result.add_argument("--members", type=positive, default=4)
    result.add_argument("--views", type=positive, default=5)
    result.add_argument("--photos", type=positive, default=64)
    result.add_argument("--batch-size", type=positive, default=64, help="the loop's (default: 64)")
    result.add_argument("--workers", type=int, nargs="+", default=[0], help="the loop's DataLoader's (default: 0)")
    result.add_argument("--source", nargs="+", choices=SOURCES, default=SOURCES, help="(default: both)")
    result.add_argument("--threads", type=positive, default=cpu_cores(), help="torch's, of both (default: all cores)")
    result.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    result.add_argument("-n", type=positive, default=5, help="rounds (default: 5)")
    return result


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    import torch  # takes seconds: --help does not wait for it

    from benchmarks.ensemble_inference.bench import compare
    from data_prep.store.store import Store

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="conventional-") as folder:
        print(compare(options, Store.open(options.store), Path(folder)).markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
