"""How a Ray cluster is joined: whether anything answers at its address, for which Ray tries for minutes, and our token.

Ray is imported when a cluster is joined, and not before: programs that need none start without it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.errors import OptionError
from common.surroundings.home import can_be_written, private_folder

CONNECT_SECONDS = 20

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
"""Options of `ray.init`: what Ray has to say is not for the person who waits."""

LONGEST_FOLDER = 107 - 68
"""Bytes of RAY_TMPDIR: Ray adds 68 to name its sockets in there, and Linux takes 107."""

ROOM_BYTES = 50 * 2**20
"""What must be free in RAY_TMPDIR: Ray's logs, and the state of a search on its way to the search's folder."""


def keep_files_aside() -> None:
    """Have a Ray that starts here keep its sockets and logs in a folder that only this user reaches and whose name is
    short enough, unless RAY_TMPDIR names one.

    Where there can be no ~/.ray, in which Ray would keep a token, this Ray has one of its own.

    Raises:
        OptionError: the one that is named will not do, or none will.
    """
    token = Path("~/.ray/auth_token").expanduser()
    if not token.exists() and not can_be_written(token) and not os.environ.get("RAY_AUTH_TOKEN_PATH"):
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if named := os.environ.get("RAY_TMPDIR"):
        if why := _unfit(Path(named)):
            raise OptionError(f"RAY_TMPDIR {named}: {why}; name another folder, or none")
        return
    bases = dict.fromkeys((os.environ.get("TMPDIR") or "/tmp", "/tmp", "/var/tmp", "/dev/shm"))
    found: dict[str, str] = {}
    for base in bases:
        try:
            why = _unfit(Path(base)) or _unfit(folder := private_folder(base))
        except OSError as error:
            why = error.strerror or str(error)
        if not why:
            os.environ["RAY_TMPDIR"] = str(folder)
            return
        found[base] = why
    reasons = "; ".join(f"{base}: {why}" for base, why in found.items())
    raise OptionError(f"TMPDIR: Ray has no place for its files ({reasons}); set RAY_TMPDIR to a folder of yours")


def _unfit(folder: Path) -> str | None:
    """Why Ray cannot keep its files in a folder, None where it can."""
    if not folder.is_absolute() or len(os.fsencode(folder)) > LONGEST_FOLDER:
        return f"a whole path of at most {LONGEST_FOLDER} bytes is needed"
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return "it cannot be written"
    if (free := shutil.disk_usage(folder).free) < ROOM_BYTES:
        return f"{free / 2**20:.1f} MB are free, and {ROOM_BYTES / 2**20:.0f} MB are needed"
    return None


def check(cluster: str) -> None:
    """Refuse a `cluster` that is HOST:PORT where nothing listens, by an OptionError."""
    if match := re.fullmatch(r"(.+):(\d+)", cluster):
        try:
            socket.create_connection((match[1], int(match[2])), timeout=CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise _no_cluster(cluster, error) from None


def use_token() -> bool:
    """Have Ray use this machine's token, if there is one and RAY_AUTH_MODE says nothing else: Ray wants to be told, and
    looks when it is imported.

    Returns:
        whether a choice was made: a token is here, or RAY_AUTH_MODE is set.
    """
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if named or Path("~/.ray/auth_token").expanduser().exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    return "RAY_AUTH_MODE" in os.environ


def join(cluster: str, explain: Callable[[Exception], OptionError | None] = lambda error: None, **options: Any) -> None:
    """Join the `cluster`, at HOST:PORT or "auto"; "local" starts one that is this machine alone.

    Args:
        explain: says in our words what Ray raised, or None where "no cluster answers" is all there is to say.
        options: of `ray.init`, beside those of QUIET.

    Raises:
        OptionError: no cluster is there, it has no token where this process has one, or what `explain` makes of it.
    """
    import ray

    if cluster == "local":
        keep_files_aside()
    try:
        ray.init(address=cluster, **QUIET, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise explain(error) or _no_cluster(cluster, error) from None
    # Refused by us its nodes would take this process for dead, and kill its workers, a while later.
    if cluster != "local" and _has_token() and _wants_none(ray.get_runtime_context().gcs_address):
        ray.shutdown()
        raise OptionError(
            f"--address {cluster}: this cluster was started without a token, but this machine has one and would refuse "
            "its workers: start it again with RAY_AUTH_MODE=token on every machine (docs/cluster.md); where nobody "
            "else reaches their ports, set RAY_AUTH_MODE=disabled for this command"
        )


def _has_token() -> bool:
    return os.environ.get("RAY_AUTH_MODE", "").lower() == "token"


def _wants_none(head: str) -> bool:
    """Ask Ray's head without a token whether it is alive, and say whether it answers; Ray itself never tells."""
    import grpc

    with grpc.insecure_channel(head, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary("/ray.rpc.NodeInfoGcsService/CheckAlive")(b"", timeout=CONNECT_SECONDS)
        except grpc.RpcError:  # it wants one, or speaks TLS
            return False
    return True


def _no_cluster(cluster: str, error: Exception) -> OptionError:
    return OptionError(f"--address {cluster}: no Ray cluster answers there ({' '.join(str(error).split())})")
