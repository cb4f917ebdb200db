"""Machines pretended on this one: each with a network address, processes, a host name, a home and a folder of Ray's.

They are Linux namespaces, which root may make. What runs in a machine ends with it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.patience import HANGS

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path("/srv")
"""Where the machines see the folder that they share."""

RAY = Path("/tmp/ray")


@dataclass(frozen=True)
class Machine:
    """One of two.

    Attributes:
        pid: of its first process, as this machine counts.
        ip: its address; the other one's ends in another digit.
    """

    pid: int
    ip: str
    home: Path

    def popen(self, script: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Bash lines in the repository's folder, with its Python; what they say goes to `log`."""
        inside = ["nsenter", "-t", str(self.pid), "--net", "--mount", "--pid", "--uts"]
        python = Path(sys.executable).parent
        known = {name: os.environ[name] for name in ("LANG", "NUMBA_CACHE_DIR") if name in os.environ}
        variables = {"HOME": str(self.home), "PATH": f"{python}:{os.environ['PATH']}", **known, **environment}
        with log.open("ab") as said:
            command = [*inside, "bash", "-euc", f"cd {shlex.quote(str(ROOT))}\n{script}"]
            return subprocess.Popen(command, env=variables, stdout=said, stderr=subprocess.STDOUT)

    def run(self, script: str, **environment: str) -> str:
        """What the lines say; an AssertionError where one fails."""
        log = self.home / "said"
        log.unlink(missing_ok=True)
        code = self.popen(script, log, **environment).wait(timeout=HANGS)
        said = log.read_text(errors="replace")
        assert code == 0, f"{script}\n{said[-3000:]}"
        return said

    def cut(self) -> None:
        """Off the network."""
        self.run(f"ip link set {_WIRE} down")

    def join(self) -> None:
        """Back on the network."""
        self.run(f"ip link set {_WIRE} up")


_WIRE = "wire"


@contextmanager
def two(folder: Path, shared: bool = True) -> Iterator[tuple[Machine, Machine]]:
    """10.77.0.1 and 10.77.0.2; SHARED is `folder`/shared in both, or in each a folder of its own. Skips the test where
    they cannot be made."""
    if os.name != "posix" or os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("namespaces need root, unshare, nsenter and ip")
    with ExitStack() as stack:
        seen = [folder / ("shared" if shared else f"shared-{number}") for number in (1, 2)]
        first, second = (stack.enter_context(_machine(folder, number, seen[number - 1])) for number in (1, 2))
        peer = ["peer", "name", _WIRE, "netns", str(second.pid)]
        subprocess.run(["ip", "link", "add", _WIRE, "netns", str(first.pid), "type", "veth", *peer], check=True)
        for machine in (first, second):
            machine.run(f"ip link set lo up; ip address add {machine.ip}/24 dev {_WIRE}; ip link set {_WIRE} up")
        yield first, second


@contextmanager
def _machine(folder: Path, number: int, shared: Path) -> Iterator[Machine]:
    own = folder / f"machine-{number}"
    for needed in (shared, own / "home", own / "ray", RAY):
        needed.mkdir(parents=True, exist_ok=True)
    binds = f"mount --bind {shared} {SHARED}; mount --bind {own / 'ray'} {RAY}"
    script = f"hostname machine-{number}; {binds}; touch {own / 'ready'}; exec sleep infinity"
    namespaces = ["--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"]
    process = subprocess.Popen(["unshare", *namespaces, "bash", "-euc", script])
    try:
        until = time.monotonic() + 10
        while not (own / "ready").exists():
            if process.poll() is not None or time.monotonic() > until:
                pytest.skip("namespaces cannot be made here")
            time.sleep(0.05)
        inner = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        yield Machine(int(inner), f"10.77.0.{number}", own / "home")
    finally:
        process.kill()
        process.wait()
