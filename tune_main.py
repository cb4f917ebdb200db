"""One search, from arguments to leaderboard.

    python tune_main.py --space age_bands

Without --data it searches on the built-in sample: portraits are drawn and prepared first, once. Afterwards

    tensorboard --logdir runs/age_bands
    python -m ensemble.select_and_predict
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

from common import ray_cluster, search_folder
from common.command_line import exit_code, positive
from common.errors import OptionError, SearchError
from common.search_record import SearchRecord, State
from common.uris import child, is_uri, location, parent
from tuning import signals
from tuning.plan import describe, profiles, settings, spaces
from tuning.plan import plan as planning
from tuning.plan.budget import Budget
from tuning.plan.resources import unit
from tuning.storage import naming

if TYPE_CHECKING:  # torch and Ray take seconds to import: --help and a mistyped space should not wait for them
    from data_prep.store.store import Store
    from tuning.plan.plan import Plan
    from tuning.plan.resources import Resources
    from tuning.records.rows import Row

SAMPLE = Path("data/sample")
SAMPLE_STORE = Path("data/sample-96x72")
SAMPLE_SIZE = (96, 72)


def main(arguments: list[str] | None = None) -> int:
    began = time.monotonic()
    options = parser().parse_args(arguments)
    if options.list_spaces:
        return _list_spaces()
    _check_confirm(options)
    if options.install_packages and not options.address:
        raise OptionError("--install-packages is for the nodes of a cluster: name one, as in --address HOST:6379")
    if options.address:
        ray_cluster.use_token()
    if options.resume:
        return _resume(options, began)
    if options.space is None:
        raise OptionError("--space: name what to search, as in --space age_bands; --list-spaces shows what there is")
    return _search(options, began)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        description="Search hyperparameters: Ray Tune runs one trial per GPU, Optuna proposes, ASHA stops.",
        epilog="Without --data the built-in sample of drawn portraits is used; it is made on first use. Limits of what "
        "is spent (--trials, --hours, --gpu-hours) can be raised when a search is resumed: --trials 70 is seventy in "
        "all, --trials +20 is twenty more. Exit codes: 0; 2 an error, also when most trials fail; 3 the search has "
        "ended, and trials of it failed; 130 interrupted.",
    )
    what = result.add_argument_group("what to search")
    what.add_argument("--space", metavar="NAME", help="a space, a join a+b, or a file of your own: ./my_space.py:SPACE")
    what.add_argument(
        "--data",
        metavar="STORE",
        help="dataset store made by `python -m data_prep`: a folder that every node has, or an address (s3://, gs://, "
        "hdfs://, file://...), copied to each node once",
    )
    what.add_argument("--arch", metavar="NAME", help="network of every trial (default: resnet50)")
    what.add_argument("--weights", metavar="imagenet|none|FILE", help="weights a trial starts from")
    what.add_argument("--epochs", metavar="N", type=positive, help="epochs of a trial that is never stopped")
    what.add_argument("--grace", metavar="N", type=positive, help="epochs before a trial may be stopped")
    what.add_argument("--reduction", metavar="N", type=positive, help="one in N trials passes a rung of ASHA")
    spent = result.add_argument_group("what to spend: the first limit reached ends the search, and it can go on later")
    spent.add_argument("--trials", metavar="N", help="trials to start")
    spent.add_argument("--hours", metavar="H", help="hours of running time, start-up included")
    spent.add_argument("--gpu-hours", metavar="H", help="GPU-hours of trials, start-up included (no GPU: trial-hours)")
    spent.add_argument("--keep", metavar="M", type=positive, help="keep the weights of the M best trials (default: 10)")
    sure = result.add_argument_group("how sure the winner is (after the search, or with --resume of a finished one)")
    sure.add_argument("--confirm", metavar="K", type=positive, help="train the K best again, at full length")
    sure.add_argument("--seeds", metavar="R", type=positive, help="each with R fresh seeds (default: 3)")
    sure.add_argument("--folds", metavar="R", type=positive, help="each on R person-grouped folds of train and val")
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
    where.add_argument("--address", metavar="ADDR", help="address of a running Ray cluster, or auto")
    where.add_argument(
        "--install-packages", action="store_true", help="with --address: let Ray install requirements.txt on the nodes"
    )
    result.add_argument(
        "--seed", metavar="N", type=int, default=42, help="of the sampler and of training (default: 42)"
    )
    result.add_argument("--resume", metavar="DIR", type=location, help="go on with an interrupted search: runs/NAME")
    result.add_argument("--list-spaces", action="store_true", help="list the search spaces and stop")
    result.add_argument("--dry-run", action="store_true", help="print what would run and its worst-case cost, and stop")
    return result


TIME = ("hours", "gpu_hours")
LIMITS = ("trials", *TIME)
WITH_RESUME = (*LIMITS, "confirm", "seeds", "folds", "resume", "address", "install_packages")
"""What --resume goes with: the rest of a search was chosen when it began."""

TRIALS_FAILED = 3
"""Exit code of a search that has ended, in which trials failed that did not diverge."""


def _search(options: argparse.Namespace, began: float) -> int:
    space = spaces.load(options.space)
    runs, address = _runs(options)
    folder = naming.new_folder(runs, space.name, options.name, address)
    store = _store(options)
    plan = _plan(options, space, folder, store)
    print(f"{describe.in_words(plan)}\n", flush=True)
    if options.dry_run:
        print("A dry run: nothing was started.")
        return 0

    from tuning import preflight, search

    assert store is not None
    preflight.check(plan, store, local=options.address is None)
    _start(options, plan)
    if plan.remote:
        return _and_confirm(_finish(plan, search.run(plan, store, began=began)), plan, options)
    folder = naming.made_folder(options.runs, space.name, options.name)
    if folder != plan.folder:
        print(f"Note: another search took {plan.name} meanwhile; this one is {folder.name}.", flush=True)
    plan = dataclasses.replace(plan, folder=folder)
    return _and_confirm(_finish(plan, search.run(plan, store, began=began)), plan, options)


def _runs(options: argparse.Namespace) -> tuple[Path, str | None]:
    """Where searches are kept on this machine, and the address that this is the mirror of."""
    from tuning.storage import mirror

    return (mirror.place(options.runs), options.runs) if is_uri(options.runs) else (options.runs, None)


def _resume(options: argparse.Namespace, began: float) -> int:
    for name, value in vars(options).items():
        if name not in WITH_RESUME and value != parser().get_default(name):
            raise OptionError(
                f"--{name.replace('_', '-')} cannot change what {options.resume} began with; "
                "leave it out, or start another search"
            )

    from tuning import resume, search
    from tuning.records import search_json
    from tuning.storage import mirror

    remote = options.resume if is_uri(options.resume) else None
    folder = mirror.pulled(remote) if remote else options.resume.absolute()
    limits = {name: getattr(options, name) for name in LIMITS}
    has_ended = search_json.read(folder).state in (State.FINISHED, State.SPENT)
    if options.confirm and has_ended and not any(limits.values()):
        return _confirm(planning.from_record(folder, search_json.read(folder), remote), options)
    found = resume.resumable(folder, limits, remote)
    found = dataclasses.replace(found, plan=_here(found.plan, options))
    for note in found.notes:
        print(f"Note: {note}.", flush=True)
    print(
        f"Going on with {found.plan.name} until it has spent {describe.budget_in_words(found.plan)} in all.\n",
        flush=True,
    )
    _start(options, found.plan)
    rows = search.resume(found, began=began)
    return _and_confirm(_finish(found.plan, rows), found.plan, options)


def _check_confirm(options: argparse.Namespace) -> None:
    if options.folds == 1:
        raise OptionError("--folds: at least 2 is needed, but got 1")
    if options.seeds and options.folds:
        raise OptionError("--seeds and --folds: choose one; folds are trained with the search's own seed")
    if (options.seeds or options.folds) and not options.confirm:
        raise OptionError("--seeds and --folds say how to confirm: name how many trials, as in --confirm 3")


def _and_confirm(code: int, plan: Plan, options: argparse.Namespace) -> int:
    if not options.confirm or code not in (0, TRIALS_FAILED):
        return code
    return _confirm(plan, options) or code


def _confirm(search_plan: Plan, options: argparse.Namespace) -> int:
    from tuning import resume, search
    from tuning.confirm import rerun
    from tuning.records import leaderboard

    folder = search_plan.folder
    store = resume.store_of(folder, say=print)
    of = _here(search_plan, options)
    seeds = None if options.folds else options.seeds or 3
    plan, confirms = rerun.plan_of(of, leaderboard.read(folder), options.confirm, seeds, options.folds)
    if options.folds:
        store.with_folds(options.folds, 0)
    again = f"{seeds} fresh seeds" if seeds else f"{options.folds} folds of people"
    print(
        f"\nConfirming the {options.confirm} best of {of.name} with {again}: {plan.budget.trials} trials "
        f"x {plan.epochs} epochs, none stopped early, in {plan.where}\n",
        flush=True,
    )
    _start(options, plan)
    return _finish(plan, search.run(plan, store, confirms=confirms))


def _store(options: argparse.Namespace) -> Store | None:
    """The store to search on; None for a dry run on a sample that is not there yet."""
    from data_prep.node_copy import open_store

    if options.data is None and not SAMPLE_STORE.exists():
        if options.dry_run:
            return None
        _make_sample()
    return open_store(options.data or SAMPLE_STORE, verify=True, say=print, progress=True)


def _make_sample() -> None:
    """Draw the sample if it is not there, and prepare its store."""
    from data_prep.prepare.prepare import prepare
    from data_prep.sample.draw import draw

    print(f"No --data was given: the built-in sample is drawn into {SAMPLE} and prepared as {SAMPLE_STORE}, once.")
    draw(SAMPLE)
    prepare(
        SAMPLE / "train/images",
        SAMPLE / "train/train.csv",
        SAMPLE_STORE,
        eval_dir=SAMPLE / "eval",
        background="sample",
        size=SAMPLE_SIZE,
    )


def _plan(options: argparse.Namespace, space: spaces.Space, folder: Path, store: Store | None) -> Plan:
    from data_prep.node_copy import absolute

    chosen, bands = (profiles.for_store(store.profile), store.bands) if store else (profiles.SAMPLE, None)
    asked = {name: getattr(options, name) for name in ("epochs", "arch", "weights", "seed")}
    shared = settings.shared_settings(space, chosen, **asked, bands=bands)
    epochs = settings.full_length(shared)
    return planning.Plan(
        folder=folder,
        remote=child(options.runs, folder.name) if is_uri(options.runs) else None,
        space=settings.with_profile(settings.with_bands(space, bands) if bands else space, chosen),
        profile=chosen,
        store=absolute(options.data or SAMPLE_STORE),
        settings=shared,
        budget=Budget.of({name: getattr(options, name) for name in LIMITS}, chosen.trials),
        epochs=epochs,
        grace=options.grace or min(chosen.grace_of(space.distributions), epochs),
        reduction=options.reduction or chosen.reduction,
        keep=options.keep or profiles.KEEP,
        resources=_resources(options, options.cpus_per_trial, options.gpus_per_trial),
        seed=options.seed,
        deterministic=options.deterministic,
        compile=options.compile,
    )


def _here(plan: Plan, options: argparse.Namespace) -> Plan:
    """The plan with as many trials at a time as fit on this machine (or cluster), which may be another one now."""
    was = plan.resources
    resources = _resources(options, was.cpus, was.gpus)
    if resources.concurrent != was.concurrent:
        print(f"Note: {resources.concurrent} trials at a time fit here, and were {was.concurrent} before.", flush=True)
    return dataclasses.replace(plan, resources=resources)


def _resources(options: argparse.Namespace, cpus_per_trial: int | None, gpus_per_trial: float | None) -> Resources:
    from tuning.plan.resources import cpu_cores, share, share_nodes

    if options.address:
        from tuning.cluster import joining, session

        joining.check_address(options.address)
        session.start_ray(options.address, options.install_packages)
        return share_nodes(joining.sizes(), cpus_per_trial, gpus_per_trial)

    import torch

    return share(cpu_cores(), torch.cuda.device_count(), cpus_per_trial, gpus_per_trial)


def _start(options: argparse.Namespace, plan: Plan) -> None:
    """Ray, and on a cluster make sure that its nodes are fit for trials."""
    from tuning.cluster import checks, session, weights

    session.start_ray(options.address, options.install_packages)
    if options.address:
        seconds = checks.INSTALL_SECONDS if options.install_packages else checks.ANSWER_SECONDS
        checks.check(parent(plan.remote) if plan.remote else plan.folder.parent, plan.store, seconds)
        weights.share_weights(plan)


def _finish(plan: Plan, rows: list[Row]) -> int:
    """Print the leaderboard and the next commands; the exit code says how the search ended."""
    from tuning.records import leaderboard, reasons, search_json
    from tuning.records.rows import ranked

    folder = plan.folder
    record = search_json.read(folder)
    shown = shlex.quote(plan.remote or os.path.relpath(folder))
    console = leaderboard.console()
    console.print(leaderboard.table(ranked(rows), f"\nLeaderboard of {folder.name}", console.width))
    failed = sum(row.status == "failed" for row in rows)
    print(f"\n{len(rows)} trials ({failed} failed), {_spent(record)}.")
    groups = record.failed or []
    if groups:
        print(reasons.described(groups))
    code = 0 if all(group["diverged"] for group in groups) else TRIALS_FAILED
    if record.state == State.FAILING:
        commonest = next(group["reason"] for group in groups if not group["diverged"])
        raise SearchError(
            f"{record.failing} trials failed, most often of {commonest}; "
            f"mend that and go on: python tune_main.py --resume {shown}"
        )
    if record.state == State.SPENT:
        more = " ".join(
            f"--{name.replace('_', '-')} +{getattr(plan.budget, name):g}" for name in TIME if getattr(plan.budget, name)
        )
        print(f"The budget is spent. To go on:\n\n    python tune_main.py --resume {shown} {more}")
        return code
    if record.state == State.INTERRUPTED:
        print(f"Interrupted. To go on:\n\n    python tune_main.py --resume {shown}")
        return 130
    if rows and failed == len(rows):
        raise SearchError(f"every trial failed; the first one's error is in {shown}/{rows[0].trial}/error.txt")
    if record.confirms:
        return _verdict(plan, rows) or code
    curves = shlex.quote(os.path.relpath(folder))
    print(f"\nNext:\n\n    tensorboard --logdir {curves}\n    python -m ensemble.select_and_predict --search {shown}")
    return code


def _verdict(plan: Plan, rows: list[Row]) -> int:
    from tuning import resume
    from tuning.confirm import rerun, verdict
    from tuning.records import leaderboard
    from tuning.storage import mirror

    folder = plan.folder
    if plan.remote:
        mirror.pulled_predictions(plan.remote, folder)
    found = rerun.report(folder, rows, resume.store_of(folder))
    if plan.remote:
        mirror.keep(plan.remote, folder / search_folder.CONFIRMATION)
    leaderboard.console().print(verdict.table(found, f"\nConfirmation of {folder.parent.name}"))
    print(f"\n{textwrap.fill(verdict.verdict(found), 110)}")
    return 0


def _spent(record: SearchRecord) -> str:
    spent, counted = record.spent, unit(record.plan["resources"]["gpus"])
    return (
        f"{spent['epochs']} epochs, {spent['hours']:.2f} hours, {spent['gpu_hours']:.2f} {counted}; "
        f"stopping early saved {spent['gpu_hours_saved']:.2f}"
    )


def _list_spaces() -> int:
    for name in spaces.names():
        print(f"{name:<18} {spaces.load(name).about}")
    return 0


if __name__ == "__main__":
    sys.exit(signals.ended(lambda: exit_code(main)))
