"""One search, from arguments to leaderboard.

    python tune_main.py --space age_bands

Without --data it searches on the built-in sample: portraits are drawn and prepared first, once. Afterwards

    tensorboard --logdir runs/age_bands
    python -m ensemble.select_and_predict
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import redirect_stdout

from common import ray_cluster
from common.command_line import exit_code
from common.security import terminal, trust
from tuning import signals
from tuning.command import at_once
from tuning.command.options import check, check_resumed, parsed


def main(arguments: list[str] | None = None) -> int:
    began = time.monotonic()
    options = parsed(arguments)
    check(options)
    if options.resume:
        check_resumed(options)
    if not (options.list or options.list_spaces or options.queue):
        at_once.check(options)
    options.answer = sys.stdout if options.json else None
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        return _run(options, arguments, began)


def _run(options: argparse.Namespace, arguments: list[str] | None, began: float) -> int:
    # Imported only here, since Optuna, torch and Ray take seconds: neither --help nor a mistyped option should wait.
    if options.list_spaces:
        return _list_spaces()
    if options.list:
        from tuning.command import listing

        return listing.show(options.runs, options.answer)
    if options.queue:
        from tuning.command import queue

        return queue.run(options.queue, arguments or sys.argv[1:])
    trust.keep_others_out()  # from the search's folder: its state is code
    if options.address:
        ray_cluster.use_token()
    terminal.say("Loading torch, Optuna and the photos' labels ...")
    if options.resume:
        from tuning.command.go_on import go_on

        return go_on(options, began)
    from tuning.plan import spaces

    space = spaces.load(options.space)

    from tuning.command.begin import begin  # last of all: this takes longest, and a wrong space should not wait

    return begin(space, options, began)


def _list_spaces() -> int:
    from tuning.plan import space_names, spaces

    for name in space_names.names():
        terminal.say(f"{name:<18} {spaces.load(name).about}")
    return 0


if __name__ == "__main__":
    sys.exit(signals.ended(lambda: exit_code(main)))
