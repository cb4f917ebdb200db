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

CONNECT_SECONDS = 20

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
"""Options of `ray.init`: what Ray has to say is not for the person who waits."""


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
        OptionError: no cluster is there, or what `explain` makes of it.
    """
    import ray

    try:
        ray.init(address=cluster, **QUIET, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise explain(error) or _no_cluster(cluster, error) from None


def _no_cluster(cluster: str, error: Exception) -> OptionError:
    return OptionError(f"--address {cluster}: no Ray cluster answers there ({' '.join(str(error).split())})")
