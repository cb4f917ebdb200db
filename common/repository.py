"""Where this repository lies, and how processes that Ray starts find it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python_path() -> dict[str, str]:
    """The variable with which another process imports this repository, and whatever this one may import by it."""
    here = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{ROOT}{os.pathsep}{here}" if here else str(ROOT)}
