"""Another user of this machine, for tests of what one may not do."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.helpers.patience import HANGS

STRANGER = 65534

needs_a_stranger = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can do something as another user (setpriv)"
)


def as_a_stranger(*command: str, group: int = STRANGER) -> subprocess.CompletedProcess[str]:
    """Run a command as a user who owns nothing here, in a group."""
    other = ["setpriv", f"--reuid={STRANGER}", f"--regid={group}", "--clear-groups"]
    return subprocess.run([*other, *command], capture_output=True, text=True, timeout=HANGS, cwd="/", check=False)
