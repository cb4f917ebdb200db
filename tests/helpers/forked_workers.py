"""Ray's workers, and programs, as forks of a process that has imported everything: to import torch and Ray once more
takes longer than what most of them do.

Only the Ray of the fixture `ray_session` has such workers, and only how they begin is different: Ray's own program for
them runs in each. The Rays of programs that tests start have workers that start as anybody's do.
"""

import atexit
import ctypes
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
import types
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from tests.helpers import ask_for_worker
from tests.helpers.forked_program import SOCKET

READ_WHEN_IMPORTED = {"RAY_JOB_ID": "01000000", "RAY_RAYLET_PID": str(os.getpid())}
"""What Ray tells a worker, and a worker reads but once, when it imports Ray: the first job, which is a search in this
process, and whose end is the worker's as well."""

assert "ray" not in sys.modules, "what forked workers need to know is read when Ray is imported"
os.environ |= READ_WHEN_IMPORTED
from ray import _raylet  # noqa: E402
from ray._private.parameter import RayParams  # noqa: E402

for name in READ_WHEN_IMPORTED:
    del os.environ[name]

PR_SET_PDEATHSIG = 1


def serve() -> None:
    """Fork a process that forks a worker for whoever asks at `SOCKET`, and that ends with this one; on Linux alone. To
    be called once everything is imported, and before this process has threads that hold what a worker needs."""
    if sys.platform != "linux":
        return
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(SOCKET))
    listener.listen()
    if os.fork():
        listener.close()
        atexit.register(SOCKET.unlink, missing_ok=True)
        return
    try:
        _end_with_the_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no worker waits to be asked how it ended
        while True:
            asking, _ = listener.accept()
            if not os.fork():
                listener.close()
                _become(asking)
            asking.close()
    finally:
        os._exit(1)  # whatever goes wrong, it is no second run of the tests


def _become(asking: socket.socket) -> NoReturn:
    """Be what is asked for. Whoever asks for a worker waits as long as `asking` is open, which is until its end."""
    _end_with_the_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, *_ = socket.recv_fds(asking, ask_for_worker.LARGEST, maxfds=3)
    asked = json.loads(message)
    if asked.get("program"):
        _watch(asking)
        if asked["session"]:
            os.setsid()
    for own, given in enumerate(streams):
        os.dup2(given, own)
        os.close(given)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    _raylet.Config.initialize("")  # which has other variables in it
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    code = 1
    try:
        code = _ended(asked["arguments"])
        if asked.get("program"):
            _at_exit()
    finally:
        os._exit(code)


def _watch(asking: socket.socket) -> None:
    """Go on as a child of this process, which tells whoever asks the child's number, and how it ended."""
    if child := os.fork():
        asking.sendall(f"{child:8}".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        asking.sendall(f"{code:8}".encode())
        os._exit(0)
    asking.close()
    _end_with_the_parent()
    weakref.finalize._registry.clear()  # type: ignore[attr-defined] # what the parent made, it removes


def _ended(arguments: list[str]) -> int:
    """Run what `python` with these arguments would. Returns the exit code."""
    try:
        first, *rest = arguments
        if first == "-c":
            sys.argv = ["-c", *rest[1:]]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(rest[0], "<string>", "exec"), main.__dict__)
        elif first == "-m":
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(first, run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _at_exit() -> None:
    """What Python does before it ends: Ray's processes are ended there."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()


def _end_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def used() -> Iterator[None]:
    """Within it a Ray that starts has such workers, if they are served."""
    if not SOCKET.exists():
        yield
        return
    fill_in = RayParams.update_if_absent

    def with_ours(params: RayParams, **defaults: Any) -> None:
        if program := defaults.get("worker_path"):
            os.environ[ask_for_worker.ADDRESS] = json.dumps([str(SOCKET), program])
            defaults["worker_path"] = ask_for_worker.__file__
        fill_in(params, **defaults)

    RayParams.update_if_absent = with_ours
    try:
        yield
    finally:
        RayParams.update_if_absent = fill_in
        os.environ.pop(ask_for_worker.ADDRESS, None)
