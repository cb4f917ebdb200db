"""What happens in a process that parts run in: torch is imported, parts come through a pipe, findings go back."""

from __future__ import annotations

import faulthandler
import gc
import json
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Finding, Part, Setting

OPTIONAL = ("ray", "optuna", "numba", "rembg", "onnxruntime")
"""Packages that trials on a GPU do without: a part that needs one which is not installed is no fault."""

TAIL = 4000
"""Characters of what a part printed that are kept where it failed."""


@dataclass(frozen=True)
class Ready:
    """Attributes:
    torch: its version.
    gpus: that it can use.
    why: what it warned of when it looked for them; mostly nothing.
    """

    torch: str
    gpus: int
    why: str


@dataclass(frozen=True)
class Done:
    """A part has ended; `usable`: others may run in this process."""

    usable: bool


Look = Callable[[int | None], Ready]
"""How many of its cores the process has; None for all."""


def serve(pipe: Connection, log: Path, cores: int | None, environment: dict[str, str], look: Look) -> None:
    """The process itself: parts come through the pipe, findings go back, until it is closed."""
    os.setsid()  # so that all that a part starts can be found, and Ctrl-C is the parent's alone
    _print_to(log)
    os.environ.update(environment)
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    pipe.send(look(cores))
    with suppress(EOFError):
        while True:
            part, setting = pipe.recv()
            pipe.send(_work(part, setting, pipe))


def _print_to(log: Path) -> None:
    file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(file, stream)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)


def _end_with_the_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        kill_session(os.getpid())


def look_at_torch(cores: int | None) -> Ready:
    """Import torch: only now, since at import it starts its threads and reads its variables."""
    import torch

    if cores:
        torch.set_num_threads(cores)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Ready(torch.__version__, gpus, " ".join(str(said[-1].message).split()) if said and not gpus else "")


def _work(part: Part, setting: Setting, pipe: Connection) -> Done:
    try:
        for finding in part.run(setting):
            pipe.send(_plain(finding))
        _tidy()
    except (Exception, SystemExit) as error:  # whatever it is, it was to be found out
        traceback.print_exc()
        pipe.send(_failed(part, error))
        return Done(usable=False)  # a CUDA error stays with its process, and what else was left half done is unknown
    finally:
        sys.stdout.flush()
    return Done(usable=True)


def _failed(part: Part, error: BaseException) -> Finding:
    if isinstance(error, ModuleNotFoundError) and (missing := str(error.name).partition(".")[0]) in OPTIONAL:
        return Finding(part.name, f"not tried: {missing} is not installed", values={"missing": [missing]})
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return Finding(part.name, said[:300], right=False, values={"output": traceback.format_exc()[-TAIL:]})


def _plain(finding: Finding) -> Finding:
    """With values that any process can read: no tensors, NumPy's numbers as Python's."""

    def plain(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return replace(finding, values=json.loads(json.dumps(dict(finding.values), default=plain)))


def _tidy() -> None:
    """The next part finds the memory free, and CUDA's errors, which come late, are this one's."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def kill_session(leader: int) -> None:
    """Kill all processes of the session that process `leader` leads or led, this one last, if it is among them."""
    if not leader:
        return
    ours = os.getpid()
    for _ in range(3):  # since they may start others meanwhile
        for pid in _processes():
            with suppress(OSError):
                if pid != ours and os.getsid(pid) == leader:
                    os.kill(pid, signal.SIGKILL)
    if os.getsid(0) == leader:
        os.kill(ours, signal.SIGKILL)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208, ten times as fast
    except OSError:
        return []
