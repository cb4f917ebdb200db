"""Parts for the tests of benchmarks.gpu: in a file of their own, which the processes that run them import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.serve import Ready

HANGS = "it hangs from here"


def look_at_nothing(cores: int | None) -> Ready:
    """In place of importing torch, which takes seconds."""
    return Ready("2.10", 0, "")


def look_in_vain(cores: int | None) -> Ready:
    raise ImportError("libcudart.so.12: cannot open shared object file")


def _fine(setting: Setting) -> Iterator[Finding]:
    yield Finding("process", str(os.getpid()), values={"pid": os.getpid(), "share": np.float32(0.5)})
    yield Finding("sum", "2", right=np.bool_(True), values={"figures": np.arange(2)}, headline="sums are right")


def _wrong(setting: Setting) -> Iterator[Finding]:
    yield Finding("sum", "3", right=False)


def _raising(setting: Setting) -> Iterator[Finding]:
    yield Finding("before", "all is well", right=True)
    raise RuntimeError("CUDA error: an illegal memory access\nwas encountered")


def _needing_ray(setting: Setting) -> Iterator[Finding]:
    raise ModuleNotFoundError("No module named 'ray.tune'", name="ray.tune")
    yield


def _dying(setting: Setting) -> Iterator[Finding]:
    yield Finding("before", "all is well", right=True)
    print("last words", flush=True)
    os._exit(7)


def _killed(setting: Setting) -> Iterator[Finding]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield Finding("after", "it lives")


def _hanging(setting: Setting) -> Iterator[Finding]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    yield Finding("child", str(child.pid), values={"pid": child.pid})
    print(HANGS, flush=True)
    time.sleep(1000)


def _about_itself(setting: Setting) -> Iterator[Finding]:
    values = {
        "pid": os.getpid(),
        "cores": len(os.sched_getaffinity(0)),
        "variable": os.environ.get("GPU_CHECK"),
        "seconds": setting.seconds,
    }
    yield Finding("itself", "a process", values=values)


FINE = Part("fine", "adds one and one", 1, _fine)
WRONG = Part("wrong", "adds one and one, wrongly", 1, _wrong)
RAISING = Part("raising", "raises an error", 1, _raising)
NEEDING_RAY = Part("needing", "needs Ray", 1, _needing_ray)
DYING = Part("dying", "ends its process", 1, _dying)
KILLED = Part("killed", "is killed", 1, _killed)
HANGING = Part("hanging", "hangs", 1, _hanging)
LONG = Part("long", "takes an hour", 3600, _fine)
ITSELF = Part("itself", "tells of its process", 1, _about_itself)
ON_ONE_CORE = Part("one core", "has one core", 1, _about_itself, cores=1)
ON_MANY_CORES = Part("many cores", "has cores that are not there", 1, _about_itself, cores=10_000)
WITH_VARIABLE = Part("variable", "has a variable", 1, _about_itself, environment={"GPU_CHECK": "1"})
