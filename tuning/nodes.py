"""A Ray cluster of several machines: how it is joined, and whether its nodes are fit for trials."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import cluster_address
from addresses import Folder, child, is_uri, parent, refused
from errors import AddressError, OptionError, SearchError
from trainable.model import imagenet_file
from tuning import mirror, preflight
from tuning.plan import Plan

ROOT = Path(__file__).resolve().parent.parent
SENT = ("data_prep", "trainable", "tuning", "search_spaces", "requirements.txt", "constraints.txt")
"""What of the repository goes to the nodes, beside its own *.py: no photos and no searches, wherever they lie in it."""

PACKAGES = ("torch", "torchvision", "ray", "optuna", "numpy")
"""Those in which nodes must be alike: what a trial learns and what Ray sends depend on them."""

ANSWER_SECONDS, INSTALL_SECONDS = 120, 3600
"""In which nodes must answer: a node makes a worker for it, and with --install-packages a Python environment."""

HUB = ".torch"
"""Among the searches, what torch hub fetched."""

Found = dict[str, str]
"""Versions by name."""


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


def join(address: str, **options: Any) -> None:
    """Join the cluster at `address`.

    Raises:
        OptionError: none is there, or it wants another token.
    """
    said = ""
    try:
        with _stderr_kept() as kept:
            try:
                ray.init(address=address, **options)
            finally:
                said = kept()
    except ray.exceptions.AuthenticationError:
        raise OptionError(f"--address {address}: RAY_AUTH_MODE is token, but {_TOKEN}") from None
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if "InvalidAuthToken" in said or "Unauthenticated" in said:
            raise OptionError(f"--address {address}: the cluster refuses this machine's token; {_TOKEN}") from None
        raise cluster_address.no_cluster(address, error) from None


_TOKEN = "the cluster's token is needed in ~/.ray/auth_token: copy it from the first machine (docs/cluster.md)"


def check_address(address: str) -> None:
    """Raises OptionError: nothing answers there, or neither a token nor a choice to go without was made."""
    if address != "local" and not cluster_address.use_token():
        raise OptionError(
            f"--address {address}: RAY_AUTH_MODE=token and a token are needed, without which anybody who reaches a "
            "machine's ports runs code there (docs/cluster.md); where nobody can, RAY_AUTH_MODE=disabled"
        )
    cluster_address.check(address)


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


def share_weights(plan: Plan) -> None:
    """Put the weights that trials start from beside the searches, where every node finds them: fetched once, here.

    Raises:
        WeightsError: they cannot be fetched. AddressError: they cannot be written.
    """
    for model in preflight.models(plan):
        if model.weights == "imagenet":
            file = imagenet_file(model.arch)
            if plan.remote:
                _upload(file, parent(plan.remote), f"{HUB}/checkpoints/{file.name}")
            else:
                _copy(file, plan.folder.parent / HUB / "checkpoints" / file.name)


def _copy(file: Path, shared: Path) -> None:
    if shared.exists() and shared.stat().st_size == file.stat().st_size:
        return
    shared.parent.mkdir(parents=True, exist_ok=True)
    partial = shared.with_name(f".{shared.name}.{os.getpid()}.tmp")
    shutil.copyfile(file, partial)
    partial.replace(shared)


def _upload(file: Path, runs: str, name: str) -> None:
    try:
        there = Folder.of(runs)
        found = there.entry(name)
        if found is None or found.size != file.stat().st_size:
            there.upload(file, name)
    except OSError as error:
        raise refused(runs, error, "written") from None


def hub(plan: Plan) -> str | None:
    """Torch hub's folder of the nodes, or its address, if `share_weights` had something to share.

    Raises:
        AddressError: it cannot be seen.
    """
    if plan.remote:
        runs = parent(plan.remote)
        return child(runs, HUB) if HUB in mirror.names(runs) else None
    folder = plan.folder.parent / HUB
    return str(folder) if folder.exists() else None


def look(shared: str, token: str, store: str) -> tuple[Found, str]:
    """Run on a node: its versions, and what is wrong with its folders, if anything is."""
    wrong = _wrong_address(shared) if is_uri(shared) else _wrong(Path(shared), token)
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


def _wrong_address(runs: str) -> str:
    try:
        Folder.of(runs).probe()
    except (OSError, AddressError) as error:
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
