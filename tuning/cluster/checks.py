"""A Ray cluster of several machines: how it is joined, and whether its nodes are fit for trials."""

from __future__ import annotations

import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from common.addresses.remote_folder import RemoteFolder
from common.addresses.uris import is_uri
from common.errors import SearchError, UriError

PACKAGES = ("torch", "torchvision", "ray", "optuna", "numpy")
"""Those in which nodes must be alike: what a trial learns and what Ray sends depend on them."""

ANSWER_SECONDS, INSTALL_SECONDS = 120, 3600
"""Seconds in which nodes answer: one makes a worker for it, and with --install-packages a Python environment."""

Found = dict[str, str]
"""Versions by name."""


def check(runs: Path | str, store: str, seconds: float = ANSWER_SECONDS) -> None:
    """That every node has this process's versions, writes to `runs`, a folder or an address, and sees `store`, if that
    is a folder.

    Raises:
        SearchError: a node has not, does not, or did not answer.
    """
    if isinstance(runs, str):
        return _check(runs, "", store, seconds)
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".nodes-", dir=runs) as shared:
        token = os.urandom(8).hex()
        (Path(shared) / "token").write_text(token)
        _check(shared, token, store, seconds)


def _check(shared: str, token: str, store: str, seconds: float) -> None:
    asked = {_ask(node["NodeID"], shared, token, store): _name(node) for node in _alive()}
    answered, late = ray.wait(list(asked), num_returns=len(asked), timeout=seconds)
    for ref in answered:
        _compare(asked[ref], _answer(ref, asked[ref]), shared)
    if late:
        raise SearchError(f"{asked[late[0]]} did not answer in {seconds:g} s: look at it, or `ray stop` it and go on")


def look(shared: str, token: str, store: str) -> tuple[Found, str]:
    """Run on a node: its versions, and what is wrong with its folders, if anything is."""
    wrong = _wrong_uri(shared) if is_uri(shared) else _wrong(Path(shared), token)
    return versions(), wrong or _wrong_store(store)


def versions() -> Found:
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name).partition("+")[0]  # torch for a GPU and for none are the same version
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _wrong(shared: Path, token: str) -> str:
    try:
        if (shared / "token").read_text() != token:
            return f"sees another folder at --runs {shared.parent}"
    except OSError:
        return f"does not see --runs {shared.parent}"
    try:
        (shared / ray.get_runtime_context().get_node_id()).write_text("")
    except OSError as error:
        return f"cannot write to --runs {shared.parent} ({error.strerror})"
    return ""


def _wrong_uri(runs: str) -> str:
    try:
        RemoteFolder.of(runs).probe()
    except (OSError, UriError) as error:
        return f"cannot write to --runs: {_line(error)}"
    return ""


def _wrong_store(store: str) -> str:
    if "://" not in store and not (Path(store) / "store.json").is_file():
        return f"does not see --data {store}"
    return ""


def _ask(node: str, shared: str, token: str, store: str) -> Any:
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(look).options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(shared, token, store)


def _answer(ref: Any, name: str) -> tuple[Found, str]:
    try:
        found: tuple[Found, str] = ray.get(ref)
    except ray.exceptions.RuntimeEnvSetupError as error:
        said = str(error).strip().splitlines()  # a traceback, and what pip said
        raise SearchError(f"{name} could not make ready for the code: {said[-1].strip()}") from None
    except ray.exceptions.RayError as error:
        raise SearchError(f"{name} was lost or cannot run the code: {_line(error)}") from None
    return found


def _compare(name: str, answer: tuple[Found, str], shared: str) -> None:
    found, wrong = answer
    for package, here in versions().items():
        if found[package] != here:
            raise SearchError(
                f"{name} has {package} {found[package]}, and this machine {here}: install the same on all of them, "
                "as requirements.txt and constraints.txt say, or let Ray: --install-packages"
            )
    if wrong and is_uri(shared):
        raise SearchError(f"{name} {wrong}; all machines need its credentials, and the store at an address or shared")
    if wrong:
        raise SearchError(f"{name} {wrong}: all machines need it on shared storage, under one path, as one user")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[-600:]


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
