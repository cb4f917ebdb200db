"""Ray on this machine alone, for nobody but the process that starts it: whoever can talk to Ray runs code as its owner.

Left to itself Ray writes its token to ~/.ray/auth_token, which everybody may read, and keeps its sockets in
folders under /tmp/ray that everybody may write to.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common import machine
from common.errors import OptionError
from common.surroundings.home import private_folder

_TOKEN = secrets.token_hex(32)
"""One a process: Ray keeps the first that it has read. Its processes inherit it; no file holds it."""

LONGEST_BASE = 107 - 68 - len("/masktune-65534/r")
"""Bytes of RAY_TMPDIR: Ray adds 68 to our folder in it to name its sockets, and Linux takes 107."""

TRIES = 3
"""How often Ray may be too slow to start; each takes it half a minute."""

ROOM_BYTES = 50 * 2**20
"""What must be free there: Ray's logs, and the state of a search on its way to the search's folder."""


def start(variables: Mapping[str, str] | None = None, **options: Any) -> None:
    """Start Ray here, with a token that only this process and its children know.

    Args:
        variables: of the environment of Ray's workers.
        options: of `ray.init`.

    Raises:
        OptionError: as for `own_folder`, or Ray never started in time.
    """
    import ray

    listen_on_loopback_only()
    # Without a mode Ray wants a token. One chosen for a cluster says nothing of a Ray that no cluster is a part of.
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        os.environ.pop(name, None)
    os.environ["RAY_AUTH_TOKEN"] = _TOKEN
    # Below, not in it: Ray lets everybody write to the folder that it is given.
    options |= {"address": "local", "_temp_dir": str(own_folder() / "r")}
    with without_side_processes(), _environment(variables or {}):
        _started(lambda: ray.init(**options))


def _started(start: Callable[[], object]) -> None:
    """Start Ray, again where it was too slow: its raylet gives its helpers 15 seconds, and ends itself where these were
    not enough, as on a machine that is busy. What a try leaves running is ended before the next.

    Raises:
        OptionError: it never was quick enough.
    """
    import ray

    for left in reversed(range(TRIES)):
        before = set(machine.descendants(os.getpid()))
        try:
            start()
            return
        except Exception as error:  # Ray has no class of its own for it
            if "timed out" not in str(error):
                raise
            ray.shutdown()
            for pid in set(machine.descendants(os.getpid())) - before:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                raise OptionError(
                    f"Ray did not start in time, {TRIES} times: this machine is too busy, or lacks memory; run the "
                    "same command again when it has less to do"
                ) from None


@contextmanager
def without_side_processes() -> Iterator[None]:
    """Within it Ray's nodes start without three processes, each a second of a core: one sends workers' output to the
    driver, which wants none, one adds machines to a cluster, and one serves a dashboard that is off."""
    from ray._private.node import Node

    nothing: Any = lambda node, **options: None  # noqa: E731
    kept = {name: getattr(Node, name) for name in ("start_log_monitor", "start_monitor", "start_api_server")}
    try:
        for name in kept:
            setattr(Node, name, nothing)
        yield
    finally:
        for name, starts in kept.items():
            setattr(Node, name, starts)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these variables within: a Ray that starts meanwhile hands them on to its workers. Told of them as a
    `runtime_env`, it would start Python twice for each worker, and the first only after a server of its own."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def listen_on_loopback_only() -> None:
    """Ray does so by default on Windows, where no option asks for it; elsewhere it listens on every network."""
    from ray._private import ray_constants

    ray_constants.ENABLE_RAY_CLUSTER = False


def own_folder() -> Path:
    """Make the folder in which Ray keeps its sockets and logs, if need be: nobody else can enter it, its name is short
    enough, and there is room. It lies in RAY_TMPDIR, or else where temporary files go.

    Raises:
        OptionError: RAY_TMPDIR will not do, or none will.
    """
    if named := os.environ.get("RAY_TMPDIR"):
        folder = _made(named)
        if isinstance(folder, str):
            raise OptionError(f"RAY_TMPDIR {named}: {folder}; name another folder, or none")
        return folder
    reasons = []
    for base in dict.fromkeys((os.environ.get("TMPDIR") or "/tmp", "/tmp", "/var/tmp", "/dev/shm")):
        folder = _made(base)
        if isinstance(folder, Path):
            return folder
        reasons.append(f"{base}: {folder}")
    raise OptionError(
        f"TMPDIR: Ray has no place for its files ({'; '.join(reasons)}); set RAY_TMPDIR to a folder of yours"
    )


def _made(base: str) -> Path | str:
    """The private folder in `base`, or why Ray cannot keep its files there."""
    if not base.startswith("/") or len(os.fsencode(base)) > LONGEST_BASE:
        return f"a whole path of at most {LONGEST_BASE} bytes is needed"
    try:
        folder = private_folder(base)
    except OSError as error:
        return error.strerror or str(error)
    if (free := shutil.disk_usage(folder).free) < ROOM_BYTES:
        return f"{free / 2**20:.1f} MB are free, and {ROOM_BYTES / 2**20:.0f} MB are needed"
    return folder
