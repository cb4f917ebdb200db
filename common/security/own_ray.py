"""Ray on this machine alone, for nobody but the process that starts it: whoever can talk to Ray runs code as its owner.

Left to itself Ray writes its token to ~/.ray/auth_token, which everybody may read, and keeps its sockets in
folders under /tmp/ray that everybody may write to.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import OptionError

_TOKEN = secrets.token_hex(32)
"""One a process: Ray keeps the first that it has read. Its processes inherit it; no file holds it."""


def start(variables: Mapping[str, str] | None = None, **options: Any) -> None:
    """Start Ray here, with a token that only this process and its children know.

    Args:
        variables: of the environment of Ray's workers.
        options: of `ray.init`.

    Raises:
        OptionError: another user has the folder that would be Ray's.
    """
    import ray

    listen_on_loopback_only()
    # Without a mode Ray wants a token. One chosen for a cluster says nothing of a Ray that no cluster is a part of.
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        os.environ.pop(name, None)
    os.environ["RAY_AUTH_TOKEN"] = _TOKEN
    # Below, not in it: Ray lets everybody write to the folder that it is given.
    with without_side_processes(), _environment(variables or {}):
        ray.init(address="local", _temp_dir=str(own_folder() / "r"), **options)


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
    """Make the folder in which Ray keeps its sockets and logs, if need be: nobody else can enter it.

    Raises:
        OptionError: it is there, but another user's, or open to others, or a link.
    """
    place = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    folder = Path(place, f"ray-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise OptionError(f"{folder} cannot be made ({error.strerror}): set RAY_TMPDIR to a folder of yours") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise OptionError(
            f"{folder} must be a folder of yours that nobody else can enter, for Ray's sockets: remove it, or set "
            "RAY_TMPDIR to a folder of yours"
        )
    return folder
