"""Ray on this machine alone: what another user of the machine can read of it, and write to."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ray._private.node import Node

from common.errors import OptionError
from common.repository import ROOT
from common.security import own_ray
from tests.helpers.strangers import STRANGER, as_a_stranger, needs_a_stranger

LEFT = "11111111-2222-3333-4444-555555555555"
"""A token that Ray once wrote, for everybody to read."""

STARTED = """
import os, ray
from pathlib import Path
from common import ray_cluster
ray_cluster.join("local", num_cpus=1, include_dashboard=False)

def answers(token):
    import grpc
    metadata = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(ray.get_runtime_context().gcs_address, options=[("grpc.enable_http_proxy", 0)]) as to:
        try:
            to.unary_unary("/ray.rpc.NodeInfoGcsService/CheckAlive")(b"", timeout=20, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"

own = os.environ["RAY_AUTH_TOKEN"]
session = Path(ray._private.worker._global_node.get_session_dir_path())
files = [file for file in session.rglob("*") if file.is_file() and not file.is_symlink()]
print(answers(None), answers("LEFT"), answers(own), flush=True)
print(sum(own.encode() in file.read_bytes() for file in files), len(files) > 5, flush=True)
print(any(own.encode() in each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline")), flush=True)
print(session, flush=True)
input()
ray.shutdown()
"""


@pytest.fixture
def short():
    """Sockets' paths may have 107 characters."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@needs_a_stranger
@pytest.mark.parametrize("mode", [None, "disabled"])
def test_nobody_else_on_this_machine_can_talk_to_it_or_touch_its_files(mode, short):
    home = short / "home"
    (home / ".ray").mkdir(parents=True)
    (home / ".ray/auth_token").write_text(LEFT)
    others = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    environment = {**others, "HOME": str(home), "PYTHONPATH": str(ROOT), "RAY_TMPDIR": str(short)}
    environment |= {"RAY_AUTH_MODE": mode} if mode else {}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "stderr": subprocess.DEVNULL}
    source = STARTED.replace("LEFT", LEFT)
    with subprocess.Popen([sys.executable, "-c", source], env=environment, **pipes) as started:
        said = [started.stdout.readline().strip() for _ in range(4)]
        session = Path(said[-1])
        tries = [as_a_stranger("mv", str(session / "sockets"), str(session / "s")), as_a_stranger("ls", str(session))]
        there = (session / "sockets").exists()
        started.communicate("\n")
    assert said[:3] == ["UNAUTHENTICATED UNAUTHENTICATED OK", "0 True", "False"]
    assert session.is_relative_to(short)
    assert [done.returncode != 0 for done in tries] == [True, True]
    assert there
    assert (home / ".ray/auth_token").read_text() == LEFT


def test_its_folder_is_ones_own_and_found_again(short, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    folder = own_ray.own_folder()
    assert folder == short / f"masktune-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert own_ray.own_folder() == folder


@pytest.mark.parametrize("what", ["open", "link", "file", pytest.param("another's", marks=needs_a_stranger)])
def test_a_folder_that_somebody_else_has_made_there_is_refused_in_a_line(what, short, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    folder = short / f"masktune-{os.getuid()}"
    if what == "link":
        (short / "there").mkdir(mode=0o700)
        folder.symlink_to("there")
    elif what == "file":
        folder.touch(mode=0o600)
    else:
        folder.mkdir(mode=0o700)
        folder.chmod(0o750 if what == "open" else 0o700)
        os.chown(folder, STRANGER if what == "another's" else -1, -1)
    with pytest.raises(OptionError, match=r"^RAY_TMPDIR \S+: [^\n]+; name another folder, or none$"):
        own_ray.own_folder()


def test_side_processes_are_left_out_within_and_started_again_after_an_error():
    names = ("start_log_monitor", "start_monitor", "start_api_server")
    before = [getattr(Node, name) for name in names]
    with pytest.raises(RuntimeError, match="no Ray"), own_ray.without_side_processes():
        node = Node.__new__(Node)
        node.start_log_monitor()
        node.start_monitor()
        node.start_api_server(include_dashboard=False, raise_on_failure=False)
        raise RuntimeError("no Ray")
    assert [getattr(Node, name) for name in names] == before


@pytest.fixture
def tests_own_ray(monkeypatch):
    """The Ray of this process, which other tests share, stays when one that was never there is shut down."""
    monkeypatch.setattr("ray.shutdown", lambda: None)


def test_a_ray_that_is_too_slow_is_started_again_and_leaves_nothing_running(tests_own_ray):
    left, tries = [], iter([True, True, False])

    def start():
        left.append(subprocess.Popen(["sleep", "600"]))
        if next(tries):
            raise Exception("The current node timed out during startup.")

    own_ray._started(start)
    assert [each.wait() for each in left[:2]] == [-signal.SIGKILL, -signal.SIGKILL]
    assert left[2].poll() is None
    left[2].kill()
    left[2].wait()


def test_one_that_never_is_in_time_is_an_error_of_a_line_and_another_error_is_its_own(tests_own_ray):
    tries = []

    def start(why):
        tries.append(why)
        raise RuntimeError(why)

    with pytest.raises(OptionError, match=r"^Ray did not start in time, 3 times: [^\n]+ again when it has less to do$"):
        own_ray._started(lambda: start("GCS timed out"))
    with pytest.raises(RuntimeError, match="no such address"):
        own_ray._started(lambda: start("no such address"))
    assert len(tries) == 4
