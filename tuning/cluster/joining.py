"""Joins a cluster: the token, the code that travels to its nodes, their sizes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import ray

from common import ray_cluster
from common.errors import OptionError
from common.repository import ROOT
from tuning.cluster.checks import INSTALL_SECONDS, _alive

SENT = ("common", "data_prep", "trainable", "tuning", "search_spaces", "requirements.txt", "constraints.txt")
"""What of the repository goes to the nodes, beside its own *.py: no photos and no searches, wherever they lie in it."""


def environment(install: bool) -> dict[str, Any]:
    """Ray's runtime_env that brings the code to nodes that have no checkout of it; `install` brings packages too."""
    others = sorted(f"/{file.name}" for file in ROOT.iterdir() if file.name not in SENT and file.suffix != ".py")
    found: dict[str, Any] = {"working_dir": str(ROOT), "excludes": [*others, "__pycache__"]}
    if install:
        # pip, not uv: it heeds the mirrors that a node is set up for.
        lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
        constraints = "-c ${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/constraints.txt"
        found["pip"] = {"packages": [*filter(None, lines), constraints]}
        found["config"] = {"setup_timeout_seconds": INSTALL_SECONDS}
    return found


def join(cluster: str, **options: Any) -> None:
    """Join the `cluster`, at HOST:PORT or "auto".

    Raises:
        OptionError: none is there, or it wants another token.
    """
    with _stderr_kept() as kept:
        ray_cluster.join(cluster, lambda error: _token_refused(cluster, error, kept()), **options)


def _token_refused(cluster: str, error: Exception, said: str) -> OptionError | None:
    """What is wrong with the token, if that is what Ray's error, or what it said on stderr, is about."""
    if isinstance(error, ray.exceptions.AuthenticationError):
        return OptionError(f"--address {cluster}: RAY_AUTH_MODE is token, but {_TOKEN}")
    if "InvalidAuthToken" in said or "Unauthenticated" in said:
        return OptionError(f"--address {cluster}: the cluster refuses this machine's token; {_TOKEN}")
    return None


_TOKEN = "the cluster's token is needed in ~/.ray/auth_token: copy it from the first machine (docs/cluster.md)"


def check_cluster(cluster: str) -> None:
    """Raises OptionError: nothing answers there, or neither a token nor a choice to go without was made."""
    if cluster != "local" and not ray_cluster.use_token():
        raise OptionError(
            f"--address {cluster}: RAY_AUTH_MODE=token and a token are needed, without which anybody who reaches a "
            "machine's ports runs code there (docs/cluster.md); where nobody can, RAY_AUTH_MODE=disabled"
        )
    ray_cluster.check(cluster)


@contextlib.contextmanager
def _stderr_kept() -> Iterator[Any]:
    """Ray's C++ says on the process's stderr, again and again, what its exception does not."""
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield lambda: os.pread(kept.fileno(), 2**20, 0).decode(errors="replace")
        finally:
            os.dup2(before, 2)
            os.close(before)


def sizes() -> list[tuple[int, int]]:
    """CPU cores and GPUs of each node that has a core."""
    found = [(int(node["Resources"].get("CPU", 0)), int(node["Resources"].get("GPU", 0))) for node in _alive()]
    return [size for size in found if size[0]]
