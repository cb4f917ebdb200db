"""Whether anything answers at the address of a Ray cluster: Ray itself tries for minutes."""

from __future__ import annotations

import re
import socket

from errors import OptionError

CONNECT_SECONDS = 20


def check(address: str) -> None:
    """Raises OptionError: `address` is HOST:PORT, and nothing listens there."""
    if match := re.fullmatch(r"(.+):(\d+)", address):
        try:
            socket.create_connection((match[1], int(match[2])), timeout=CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise no_cluster(address, error) from None


def no_cluster(address: str, error: Exception) -> OptionError:
    return OptionError(f"--address {address}: no Ray cluster answers there ({' '.join(str(error).split())})")
