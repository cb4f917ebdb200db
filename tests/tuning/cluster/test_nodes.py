"""Joining a cluster, and what its nodes are asked before the first trial."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ray._private.runtime_env.packaging import create_package
from ray.exceptions import RuntimeEnvSetupError

from common.errors import OptionError, SearchError
from data_prep.store.store import Store
from tests.helpers import forked_program
from trainable.config import Model
from trainable.network.model import build
from trainable.worker.ray_trainable import RayTrial
from tuning import preflight
from tuning.cluster import checks, joining, weights
from tuning.plan.plan import Plan
from tuning.storage import home


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "runs"


@pytest.fixture(scope="module")
def said(small_store: Store, runs: Path) -> dict[str, Any]:
    """By situation, from a process of its own: Ray can be started once a process."""
    printed = forked_program.run(["-m", "tests.tuning.cluster.nodes_run", runs, small_store.path])
    return json.loads(printed.splitlines()[-1])


def test_a_head_without_a_core_is_no_place_for_trials(said: dict[str, Any]) -> None:
    assert said["sizes"] == [[3, 0]]


def test_nodes_that_are_alike_and_see_the_folders_are_fit(said: dict[str, Any], runs: Path) -> None:
    assert said["alike"] == ""
    assert not list(runs.iterdir()), "nothing is left behind"


def test_a_node_with_another_version_is_named_with_both(said: dict[str, Any]) -> None:
    assert re.search(
        r" has optuna [\d.]+, and this machine 0.1: install the same on all of them", said["another version"]
    )
    assert "--install-packages" in said["another version"]


def test_a_node_that_does_not_answer_is_named(said: dict[str, Any]) -> None:
    assert "did not answer in 0.001 s" in said["no answer"]


def test_a_store_that_a_node_does_not_see_is_named(said: dict[str, Any]) -> None:
    assert "does not see --data /nowhere: all machines need it" in said["no store"]


def test_another_folder_of_the_same_name_is_told_from_the_same(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    assert checks._wrong(tmp_path / "shared", "mine") == f"does not see --runs {tmp_path}"
    (tmp_path / "shared" / "token").write_text("theirs")
    assert checks._wrong(tmp_path / "shared", "mine") == f"sees another folder at --runs {tmp_path}"


def test_every_package_is_compared() -> None:
    for name in ("Python", "torch", "torchvision", "ray", "optuna", "numpy"):
        with pytest.raises(SearchError, match=f"node-3 has {name} not installed, and this machine"):
            checks._compare("node-3", ({**checks.versions(), name: "not installed"}, ""), "runs")


def test_only_the_code_travels(tmp_path: Path) -> None:
    import zipfile

    found = joining.environment(install=False)
    create_package(found["working_dir"], tmp_path / "sent.zip", False, excludes=found["excludes"])
    names = zipfile.ZipFile(tmp_path / "sent.zip").namelist()
    assert {
        "common/errors.py",
        "tuning/search.py",
        "trainable/worker/ray_trainable.py",
        "trainable/photos/augment.cu",
    } < set(names)
    assert not {name.split("/")[0] for name in names} & {"data", "runs", "tests", "docs", "benchmarks", ".git", ".venv"}
    assert "PYTHONPATH" not in str(found)


@pytest.mark.parametrize("runs", ["folder", "uri"])
def test_the_nodes_read_imagenets_weights_that_one_machine_fetched(
    runs: str, make_plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    plan = make_plan()
    if runs == "uri":
        plan = replace(plan, remote=(tmp_path / "far" / plan.name).as_uri())
    assert home.of(plan).shared(weights.HUB) is None
    plan = replace(plan, settings={**plan.settings, "model/arch": "resnet18", "model/weights": "imagenet"})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "here"))
    (tmp_path / "here/hub/checkpoints").mkdir(parents=True)
    donor = build(Model("resnet18", "none"), classes=1000, seed=1)
    torch.save(donor.state_dict(), tmp_path / "here/hub/checkpoints/resnet18-f37072fd.pth")
    weights.share_weights(plan)

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "there"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    worker = RayTrial.__new__(RayTrial)
    worker.setup({"shared": {"cpus": 1, "hub": home.of(plan).shared(weights.HUB)}})
    trained = build(preflight.models(plan)[0])
    assert torch.equal(trained.layer4[1].conv2.weight, donor.layer4[1].conv2.weight)
    assert not (tmp_path / "there").exists()


def test_of_a_node_that_cannot_install_the_packages_the_reason_is_said_without_rays_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise RuntimeEnvSetupError('Traceback:\n  File "pip.py", line 134\nRuntimeError: Please install virtualenv')

    monkeypatch.setattr(checks.ray, "get", fail)
    with pytest.raises(SearchError, match=r"^gpu-7 could not make ready for the code: RuntimeError: Please install"):
        checks._answer(None, "gpu-7")


def test_packages_are_installed_only_when_asked_for() -> None:
    assert "pip" not in joining.environment(install=False)
    packages = joining.environment(install=True)["pip"]["packages"]
    assert "torch>=2.8,<2.11" in packages
    assert packages[-1] == "-c ${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/constraints.txt"


def test_no_token_is_a_choice_that_must_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OptionError, match="--address head:6379: RAY_AUTH_MODE=token and a token are needed"):
        joining.check_cluster("head:6379")
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("secret")
    (tmp_path / ".ray/auth_token").chmod(0o644)
    with pytest.raises(OptionError, match=r"/\.ray/auth_token can be read by others, .*: chmod 600 /"):
        joining.check_cluster("127.0.0.1:1")
    (tmp_path / ".ray/auth_token").chmod(0o600)
    with pytest.raises(OptionError, match="no Ray cluster answers there"):
        joining.check_cluster("127.0.0.1:1")
    assert os.environ["RAY_AUTH_MODE"] == "token", "a token that is here is used"
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(OptionError, match=r"--address 127\.0\.0\.1:1: no Ray cluster answers there"):
        joining.check_cluster("127.0.0.1:1")
