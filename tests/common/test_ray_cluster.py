"""Joining a cluster that wants a token, or wants none, by a process that has one."""

import os
import subprocess
import sys

import pytest

from common.repository import ROOT
from tests.helpers.patience import HANGS

HEAD = """
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
print(cluster.address, flush=True)
input()
cluster.shutdown()
"""
JOINING = """
import sys
from common import ray_cluster
from common.errors import OptionError
ray_cluster.use_token()
try:
    ray_cluster.join(sys.argv[1])
    print("joined")
except OptionError as error:
    import ray
    print(error, ray.is_initialized())
"""


@pytest.fixture
def environment(tmp_path):
    """Of a user who has a token, as Ray writes it when it is first started."""
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("11111111-2222-3333-4444-555555555555")
    others = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    return {**others, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}


def joined(head_mode, environment):
    """What is said by a process that does not choose, of a cluster whose head was started in a mode."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    there = {**environment, "RAY_AUTH_MODE": head_mode}
    with subprocess.Popen([sys.executable, "-c", HEAD], env=there, stderr=subprocess.DEVNULL, **pipes) as head:
        address = head.stdout.readline().strip()
        assert address, "Ray did not start"
        command = [sys.executable, "-c", JOINING, address]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANGS)
        head.communicate("\n")
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().replace(address, "HEAD")


def test_a_cluster_with_the_same_token_is_joined(environment):
    assert joined("token", environment) == "joined"


def test_a_cluster_without_a_token_is_left_again_and_what_to_type_is_said(environment):
    """Its nodes, which a process with a token refuses, would take this one for dead and kill its workers."""
    said = joined("disabled", environment)
    assert said.startswith("--address HEAD: this cluster was started without a token, but this machine has one")
    assert said.endswith("set RAY_AUTH_MODE=disabled for this command False")
    assert "\n" not in said
