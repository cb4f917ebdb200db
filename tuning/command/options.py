"""The options of `python tune_main.py`, and which of them go together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from common.addresses.uris import location
from common.command_line import Parser, positive, seed
from common.errors import OptionError
from tuning.command import config_file

TIME = ("hours", "gpu_hours")
LIMITS = ("trials", *TIME)
SEEDS = 3
"""With how many fresh seeds a confirmation trains each trial, where nothing else is said."""

HERE = ("data", "trust_store", "address", "install_packages", "cpus_per_trial", "gpus_per_trial")
WITH_RESUME = (*LIMITS, *HERE, "confirm", "seeds", "folds", "refit", "resume", "dry_run", "config", "json")
"""What --resume goes with: the rest of a search was chosen when it began."""


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line. What a --config file says comes before it, so that the command line wins.

    Raises:
        OptionError: a word of either that cannot be understood.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    file, _ = config_file.taken_out(config_file.CONFIG, words)
    return parser().parse_args([*(config_file.words(file, parser()) if file else []), *words])


def parser() -> Parser:
    result = Parser(
        description="Search hyperparameters: Ray Tune runs one trial per GPU, Optuna proposes, ASHA stops.",
        epilog="Without --data the built-in sample of drawn portraits is used; it is made on first use. Limits of what "
        "is spent (--trials, --hours, --gpu-hours) can be raised when a search is resumed: --trials 70 is seventy in "
        "all, --trials +20 is twenty more. Exit codes: 0; 2 an error, also when most trials fail; 3 the search has "
        "ended, and trials of it failed; 130 interrupted, 143 by SIGTERM.",
    )
    what = result.add_argument_group("what to search")
    what.add_argument("--space", metavar="NAME", help="a space, a join a+b, or a file of your own: ./my_space.py:SPACE")
    what.add_argument(
        "--data",
        metavar="STORE",
        help="dataset store made by `python -m data_prep`: a folder that every node has, or an address (s3://, gs://, "
        "hdfs://, file://...), copied to each node once; with --resume, where the search's store is now",
    )
    what.add_argument(
        "--trust-store",
        action="store_true",
        help="hash one in sixteen of the store's shards, and not all: 1 s a gigabyte less",
    )
    what.add_argument("--arch", metavar="NAME", help="network of every trial (default: resnet50)")
    what.add_argument("--weights", metavar="imagenet|none|FILE", help="weights a trial starts from")
    what.add_argument("--epochs", metavar="N", type=positive, help="epochs of a trial that is never stopped")
    what.add_argument("--grace", metavar="N", type=positive, help="epochs before a trial may be stopped")
    what.add_argument("--reduction", metavar="N", type=positive, help="one in N trials passes a rung of ASHA")
    what.add_argument(
        "--set",
        metavar="GROUP/FIELD=VALUE",
        action="append",
        default=[],
        help="fix a setting that the space does not vary, as in --set loss/smoothing=0.05; may be given again",
    )
    spent = result.add_argument_group("what to spend: the first limit reached ends the search, and it can go on later")
    spent.add_argument("--trials", metavar="N", help="trials to start")
    spent.add_argument("--hours", metavar="H", help="hours of running time, start-up included")
    spent.add_argument("--gpu-hours", metavar="H", help="GPU-hours of trials, start-up included (no GPU: trial-hours)")
    spent.add_argument("--keep", metavar="M", type=positive, help="keep the weights of the M best trials (default: 10)")
    sure = result.add_argument_group("how sure the winner is (after the search, or with --resume of a finished one)")
    sure.add_argument("--confirm", metavar="K", type=positive, help="train the K best again, at full length")
    sure.add_argument("--seeds", metavar="R", type=positive, help=f"each with R fresh seeds (default: {SEEDS})")
    sure.add_argument("--folds", metavar="R", type=positive, help="each on R person-grouped folds of train and val")
    sure.add_argument(
        "--refit",
        metavar="K",
        nargs="?",
        type=positive,
        const=0,
        help="train the ensemble's members, or the K best, on train and val together, as long as their best epoch was",
    )
    where = result.add_argument_group("where and how")
    where.add_argument("--name", metavar="NAME", help="name of the search (default: the space's, or the next free one)")
    where.add_argument(
        "--runs",
        metavar="DIR",
        type=location,
        default=Path("runs"),
        help="where searches are kept: a folder, or an address (s3://...)",
    )
    where.add_argument(
        "--gpus-per-trial", metavar="X", type=float, help="GPUs of one trial (default: 1 if there are any)"
    )
    where.add_argument("--cpus-per-trial", metavar="N", type=positive, help="CPU cores of one trial")
    where.add_argument("--deterministic", action="store_true", help="trials give the same bits again, at a price")
    where.add_argument("--compile", action="store_true", help="torch.compile, on GPUs from sm_80 on")
    where.add_argument("--no-pictures", action="store_true", help="leave photos out of what TensorBoard shows")
    where.add_argument("--address", metavar="ADDR", help="address of a running Ray cluster, or auto")
    where.add_argument(
        "--install-packages", action="store_true", help="with --address: let Ray install requirements.txt on the nodes"
    )
    result.add_argument(
        "--seed", metavar="N", type=seed, default=42, help="of the sampler and of training (default: 42)"
    )
    result.add_argument(
        "--config", metavar="FILE", type=Path, help="options from a YAML file, by their names; the command line wins"
    )
    result.add_argument("--resume", metavar="DIR", type=location, help="go on with an interrupted search: runs/NAME")
    result.add_argument("--list-spaces", action="store_true", help="list the search spaces and stop")
    result.add_argument(
        "--queue",
        metavar="DIR",
        type=Path,
        help="run every --config file in DIR in turn; each is moved to running/, then done/ or failed/ there",
    )
    result.add_argument("--list", action="store_true", help="list the searches under --runs and stop")
    result.add_argument(
        "--json", action="store_true", help="print a summary for programs, a line of JSON; all else goes to stderr"
    )
    result.add_argument("--dry-run", action="store_true", help="print what would run and its worst-case cost, and stop")
    return result


def check(options: argparse.Namespace) -> None:
    """Raises OptionError: options that do not go together, or nothing to search."""
    if options.list or options.list_spaces:
        return
    if options.queue:
        if options.name or options.resume:
            raise OptionError("--queue runs each file under a name of its own: leave --name and --resume out")
        return
    if options.space is None and options.resume is None:
        raise OptionError("--space: name what to search, as in --space age_bands; --list-spaces shows what there is")
    if options.folds == 1:
        raise OptionError("--folds: at least 2 is needed, but got 1")
    if options.seeds and options.folds:
        raise OptionError("--seeds and --folds: choose one; folds are trained with the search's own seed")
    if (options.seeds or options.folds) and not options.confirm:
        raise OptionError("--seeds and --folds say how to confirm: name how many trials, as in --confirm 3")
    if options.refit is not None and (options.resume is None or options.confirm or any(limits(options).values())):
        raise OptionError("--refit trains what was chosen from a search: --resume runs/NAME --refit, alone")
    if options.install_packages and not options.address:
        raise OptionError("--install-packages is for the nodes of a cluster: name one, as in --address HOST:6379")


def check_resumed(options: argparse.Namespace) -> None:
    """Raises OptionError: an option that a search which goes on cannot change."""
    for name, value in vars(options).items():
        if name not in WITH_RESUME and value != parser().get_default(name):
            raise OptionError(
                f"{flag(name)} cannot change what {options.resume} began with; leave it out, or start another search"
            )


def limits(options: argparse.Namespace) -> dict[str, str | None]:
    """What of the budget was named, as it was typed."""
    return {name: getattr(options, name) for name in LIMITS}


def fresh_seeds(options: argparse.Namespace) -> int | None:
    """With how many seeds a confirmation trains each of its trials; None where it is on folds."""
    return None if options.folds else options.seeds or SEEDS


def hashed(options: argparse.Namespace) -> float:
    """The share of the store's shards that are hashed."""
    return 1 / 16 if options.trust_store else 1.0


def flag(name: str) -> str:
    """gpu_hours -> --gpu-hours"""
    return f"--{name.replace('_', '-')}"
