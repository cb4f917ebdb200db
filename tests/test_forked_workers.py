import os
from pathlib import Path

import ray


def test_a_worker_of_the_shared_ray_is_a_fork_of_what_this_process_was(ray_session: None) -> None:
    @ray.remote
    def parent() -> int:
        return os.getppid()

    assert _parent_of(ray.get(parent.remote())) == os.getpid()


def _parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
