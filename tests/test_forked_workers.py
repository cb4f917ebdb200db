import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from common.repository import ROOT
from tests.helpers.forked_program import SOCKET, Program


def test_a_worker_of_the_shared_ray_is_a_fork_of_what_this_process_was(ray_session: None) -> None:
    @ray.remote
    def parent() -> int:
        return os.getppid()

    assert _parent_of(ray.get(parent.remote())) == os.getpid()


def _parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize(
    ("code", "ends", "said"),
    [
        ("import sys; print('in', *sys.argv[1:])", 0, "in a b\n"),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('error: no')", 1, "error: no\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import atexit; atexit.register(print, 'out')", 0, "out\n"),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
    ],
)
def test_a_program_that_is_a_fork_ends_as_a_python_of_its_own_does(
    ray_session: None, code: str, ends: int, said: str
) -> None:
    program = Program(["-c", code, "a", "b"])
    assert program.wait() == ends
    assert program.said().endswith(said)
    assert program.poll() == ends and program._popen is None
    assert SOCKET.exists(), "a fork removes nothing of the process that it was"


def test_programs_may_start_programs_that_import_ray_first() -> None:
    code = "import sys, tests.helpers.forked_program; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
