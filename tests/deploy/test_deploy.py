"""The files of deploy/ are what Ray, KubeRay and the command line take. None of them has been started here."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tuning.command.options import parser

ROOT = Path(__file__).resolve().parents[2]
CLUSTERS = ("cluster-aws.yaml", "cluster-onprem.yaml")
SHOWN = re.compile(r"python (?:\S*/)?tune_main\.py ((?:\\\n|[^\n#])*)")


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / "deploy" / name).read_text())


@pytest.mark.parametrize("name", CLUSTERS)
def test_rays_own_schema_takes_the_cluster(name: str) -> None:
    whole = prepare_config(read(name))  # as `ray up` does
    validate_config(whole)
    assert sum(kind["min_workers"] for kind in whole["available_node_types"].values()) == 4


@pytest.mark.parametrize("name", CLUSTERS)
def test_no_ray_is_started_without_a_token_or_with_a_dashboard(name: str) -> None:
    config = read(name)
    starts = [
        line
        for group in ("head_start_ray_commands", "worker_start_ray_commands")
        for line in config[group]
        if "ray start" in line
    ]
    assert len(starts) == 2
    assert all(line.startswith("RAY_AUTH_MODE=token ") for line in starts)
    assert "--include-dashboard=false" in starts[0]
    assert "0.0.0.0" not in (ROOT / "deploy" / name).read_text()


def test_the_cloud_machines_have_no_address_outside_of_their_network() -> None:
    assert read("cluster-aws.yaml")["provider"]["use_internal_ips"] is True


def test_kuberays_fields_take_the_job() -> None:
    fields = json.loads(Path(__file__).with_name("rayjob_fields.json").read_text())
    assert list(jsonschema.validators.validator_for(fields)(fields).iter_errors(read("rayjob.yaml"))) == []


def test_the_job_has_a_token_five_gpus_and_one_volume_for_all_pods() -> None:
    cluster = read("rayjob.yaml")["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token", "secretName": "masktune-token"}
    (workers,) = cluster["workerGroupSpecs"]
    (container,) = workers["template"]["spec"]["containers"]
    assert workers["replicas"] * container["resources"]["limits"]["nvidia.com/gpu"] == 5
    for group in (cluster["headGroupSpec"], workers):
        pod = group["template"]["spec"]
        assert {"name": "nfs", "mountPath": "/nfs"} in pod["containers"][0]["volumeMounts"]
        assert {"name": "nfs", "persistentVolumeClaim": {"claimName": "masktune"}} in pod["volumes"]


@pytest.mark.parametrize("file", ["deploy/rayjob.yaml", "docs/cluster.md"])
def test_the_searches_that_are_shown_have_options_that_there_are(file: str) -> None:
    text = read("rayjob.yaml")["spec"]["entrypoint"] if file.endswith(".yaml") else (ROOT / file).read_text()
    commands = SHOWN.findall(text)
    assert commands
    for command in commands:
        options = parser().parse_args(shlex.split(command.replace("\\\n", " ").partition("`")[0]))
        assert options.address
