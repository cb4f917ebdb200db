"""A user as containers have them: a number without a name, no home, and a checkout that can only be read.

In a mount namespace of its own, so that nothing of this machine is touched: /tmp is empty there, and the command's
working folder is /tmp/work.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common.repository import ROOT
from tests.helpers.patience import HANGS

CHECKOUT, USER = "/mnt/checkout", 54321


def why_not() -> str | None:
    """Why none can be had here."""
    if os.getuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "setpriv", "mount")):
        return "a user without a home is made by root, with unshare and setpriv"
    made = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    return None if made.returncode == 0 else f"no mount namespace can be made here: {made.stderr.decode()}"


def run(script: str, home: str | None = None, prepared: str = "", timeout: float = HANGS) -> tuple[int, str]:
    """Run a shell script as that user in /tmp/work, `python` being this one: (exit code, what was printed).

    Args:
        home: the variable HOME; None: there is none.
        prepared: shell commands that root runs first, in the namespace.
    """
    variables = {"PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "PYTHONPATH": CHECKOUT, "LC_ALL": "C.UTF-8"}
    if home is not None:
        variables["HOME"] = home
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("ONEDNN_", "RAY_prestart"))}
    setting = ["env", "-i", *(f"{name}={value}" for name, value in {**kept, **variables}.items())]
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
    lines = [
        "set -e",
        "mount --make-rprivate /",
        "mount -t tmpfs -o mode=755 none /mnt",
        f"mkdir {CHECKOUT}",
        f"mount --bind {shlex.quote(str(ROOT))} {CHECKOUT}",
        f"mount -o remount,bind,ro {CHECKOUT}",
        *_reachable([Path(sys.prefix), Path(sys.base_prefix)]),
        f"install -d -o {USER} -g {USER} /tmp/work && cd /tmp/work",
        prepared,
        shlex.join(["exec", *user, *setting, "sh", "-c", script]),
    ]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "\n".join(lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout


def _reachable(folders: Sequence[Path]) -> list[str]:
    """Commands that empty /tmp, and after which others than root reach these folders: what is closed above them gives
    way to an empty folder."""
    closed = {above for each in folders for above in each.parents if not above.stat().st_mode & 0o001}
    kept = {shlex.quote(str(folder)): f"/mnt/{number}" for number, folder in enumerate(dict.fromkeys(folders))}
    return [
        *(f"mkdir {aside} && mount --bind {folder} {aside}" for folder, aside in kept.items()),
        *(f"mount -t tmpfs -o mode=755 none {shlex.quote(str(folder))}" for folder in sorted(closed)),
        "mount -t tmpfs -o mode=1777 none /tmp",
        *(f"mkdir -p {folder} && mount --bind {aside} {folder}" for folder, aside in kept.items()),
    ]
