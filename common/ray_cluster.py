"""How a Ray cluster is joined: whether anything answers at its address, for which Ray tries for minutes, and our token.

Ray is imported when a cluster is joined, and not before: programs that need none start without it.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.errors import OptionError
from common.security import own_ray

CONNECT_SECONDS = 20

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
"""Options of `ray.init`: what Ray has to say is not for the person who waits."""


def check(cluster: str) -> None:
    """Refuse a `cluster` that is HOST:PORT where nothing listens, or whose token others can read, by an OptionError."""
    if cluster != "local":
        _check_token_file()
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
    if _named() or _token_file().exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    return "RAY_AUTH_MODE" in os.environ


def join(cluster: str, explain: Callable[[Exception], OptionError | None] = lambda error: None, **options: Any) -> None:
    """Join the `cluster`, at HOST:PORT or "auto"; "local" starts one that is this process's own.

    Args:
        explain: says in our words what Ray raised, or None where "no cluster answers" is all there is to say.
        options: of `ray.init`, beside those of QUIET.

    Raises:
        OptionError: no cluster is there, it has no token where this process has one, or what `explain` makes of it.
    """
    import ray

    if cluster == "local":
        return own_ray.start(**QUIET, **options)
    try:
        ray.init(address=cluster, **QUIET, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise explain(error) or _no_cluster(cluster, error) from None
    # Refused by us its nodes would take this process for dead, and kill its workers, a while later.
    if _has_token() and _wants_none(ray.get_runtime_context().gcs_address):
        ray.shutdown()
        raise OptionError(
            f"--address {cluster}: this cluster was started without a token, but this machine has one and would refuse "
            "its workers: start it again with RAY_AUTH_MODE=token on every machine (docs/cluster.md); where nobody "
            "else reaches their ports, set RAY_AUTH_MODE=disabled for this command"
        )


def _has_token() -> bool:
    return os.environ.get("RAY_AUTH_MODE", "").lower() == "token"


def _named() -> bool:
    return any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))


def _token_file() -> Path:
    """Where Ray looks for a token that no variable names."""
    return Path("~/.ray/auth_token").expanduser()


def _check_token_file() -> None:
    file = _token_file()
    if _has_token() and not _named() and file.exists() and file.stat().st_mode & 0o077:
        raise OptionError(f"{file} can be read by others, who could run code with it as you: chmod 600 {file}")


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
