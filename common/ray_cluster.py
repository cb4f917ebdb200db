"""The address of a Ray cluster: whether anything answers there, for which Ray tries for minutes, and our token."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from common.errors import OptionError

CONNECT_SECONDS = 20


def check(address: str) -> None:
    """Raises OptionError: `address` is HOST:PORT, and nothing listens there."""
    if match := re.fullmatch(r"(.+):(\d+)", address):
        try:
            socket.create_connection((match[1], int(match[2])), timeout=CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise no_cluster(address, error) from None


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


def no_cluster(address: str, error: Exception) -> OptionError:
    return OptionError(f"--address {address}: no Ray cluster answers there ({' '.join(str(error).split())})")
