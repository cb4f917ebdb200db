"""A program writes to streams that nobody reads, and finds a home where its user has none."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from common.repository import ROOT
from tests.helpers import bare_user
from tests.helpers.patience import HANGS

TALKS = """
import os, sys
from common.command_line import exit_code

def main():
    for number in range(10_000):  # more than a pipe holds
        print("line", number, flush=number == 9_999)
    print("to those who listen", file=sys.stderr, flush=True)
    with open("kept.txt", "w") as file:
        file.write("kept")
        os.system("echo a child speaks")
    return 3

sys.exit(exit_code(main))
"""


def talks(redirected: str, folder: Path) -> int:
    """The exit code of a program that prints, and whose output is `redirected` by a shell."""
    command = f"{shlex.quote(sys.executable)} talks.py {redirected}"
    (folder / "talks.py").write_text(TALKS)
    code = f"set -o pipefail; {command}"
    done = subprocess.run(
        ["bash", "-c", code], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=HANGS, check=False
    )
    return done.returncode


@pytest.mark.parametrize(
    "redirected",
    [
        *("> all.txt 2>&1", "| head -1", "2>&1 | true", "> /dev/full", "> /dev/full 2>&1"),
        *(">&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&-"),
    ],
)
def test_a_program_goes_on_to_its_end_whoever_hears_it(redirected: str, tmp_path: Path) -> None:
    assert talks(redirected, tmp_path) == 3
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_all_that_can_be_written_is_in_its_order(tmp_path: Path) -> None:
    assert talks("> all.txt", tmp_path) == 3
    lines = (tmp_path / "all.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("line")] == [f"line {number}" for number in range(10_000)]


def test_what_the_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    code = "from common.command_line import exit_code; exit_code(lambda: print('\\udcff, \\u2501'))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout == b"\\udcff, \\u2501\n"


def test_a_name_that_the_locale_lacks_is_a_line_that_says_what_to_set(tmp_path: Path) -> None:
    code = (
        "import os; from common.command_line import exit_code; raise SystemExit(exit_code(lambda: os.stat('\\u00fc')))"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **ascii_only}, capture_output=True, check=False
    )
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"error: PYTHONUTF8: this Python writes names in ascii, which lacks '\\xfc'; set it")


NAMES = ("HOME", "LOGNAME", "XDG_CACHE_HOME", "TORCH_HOME", "REMBG_HOME", "TRITON_HOME")
SETTLED = f"""
import json, os
from common.command_line import exit_code
from common.security import own_ray

def main():
    found = {{name: os.environ[name] for name in {NAMES} if name in os.environ}}
    print(json.dumps({{**found, "RAY_TMPDIR": str(own_ray.own_folder())}}))

exit_code(main)
"""
OWN = f"/tmp/masktune-{bare_user.USER}"
WITHOUT_A_HOME = {"HOME": f"{OWN}/home", "LOGNAME": f"user-{bare_user.USER}", "RAY_TMPDIR": OWN}

needs_a_bare_user = pytest.mark.skipif(bool(why := bare_user.why_not()), reason=str(why))


def settled(home: str | None, prepared: str = "", before: str = "") -> str:
    """What a program prints that tells what it has settled for."""
    return bare_user.run(f"{before} python -c {shlex.quote(SETTLED)}", home, prepared)[1]


@needs_a_bare_user
@pytest.mark.parametrize("home", [None, "", "/", "/nonexistent/x", "/tmp/shut", "relative", "/etc/passwd"])
def test_a_user_without_a_home_gets_one(home: str | None) -> None:
    assert json.loads(settled(home, "install -d -m 700 /tmp/shut")) == WITHOUT_A_HOME


@needs_a_bare_user
@pytest.mark.parametrize("home", ["/tmp/work", "/tmp/work/new"])
def test_a_home_that_can_be_written_or_made_is_kept(home: str) -> None:
    assert json.loads(settled(home)) == {**WITHOUT_A_HOME, "HOME": home}


@needs_a_bare_user
def test_of_a_home_that_can_only_be_read_what_was_fetched_is_read_and_the_rest_is_written_elsewhere() -> None:
    found = json.loads(settled("/tmp/ro", "mkdir -p /tmp/ro/.cache/torch /tmp/ro/.rembg"))
    assert found["HOME"] == "/tmp/ro"
    assert (found["TORCH_HOME"], found["REMBG_HOME"]) == ("/tmp/ro/.cache/torch", "/tmp/ro/.rembg")
    assert all(found[name].startswith(f"{OWN}/home") for name in ("XDG_CACHE_HOME", "TRITON_HOME"))


@needs_a_bare_user
@pytest.mark.parametrize(
    ("prepared", "before"),
    [(f"mkdir .cache && chmod 755 .cache && chown {bare_user.USER} .", ""), ("", "XDG_CACHE_HOME=/etc/cache")],
)
def test_a_cache_that_another_owns_is_left_alone(prepared: str, before: str) -> None:
    found = json.loads(settled("/tmp/work", prepared, before))
    assert found["HOME"] == "/tmp/work"
    assert found["XDG_CACHE_HOME"].startswith(f"{OWN}/home")


SMALL = "mkdir -m 777 small && mount -t tmpfs -o size=300k,mode=777 none small"


@needs_a_bare_user
@pytest.mark.parametrize(
    ("prepared", "before"),
    [
        ("", f"TMPDIR=/tmp/work/{'x' * 91}"),
        (f"mkdir -m 777 {'x' * 91}", f"TMPDIR=/tmp/work/{'x' * 91}"),
        (SMALL, "TMPDIR=/tmp/work/small"),
        ("", "TMPDIR=/etc"),
        ("", "TMPDIR=relative"),
        ("", "TMPDIR="),
    ],
)
def test_ray_keeps_its_files_where_names_are_short_and_there_is_room(prepared: str, before: str) -> None:
    assert json.loads(settled(None, prepared, before))["RAY_TMPDIR"] == OWN


@needs_a_bare_user
@pytest.mark.parametrize(
    ("prepared", "before", "line"),
    [
        ("", "RAY_TMPDIR=/etc", "RAY_TMPDIR /etc: Permission denied; name another folder, or none"),
        (
            *("", f"RAY_TMPDIR=/tmp/{'x' * 40}"),
            f"RAY_TMPDIR /tmp/{'x' * 40}: a whole path of at most 22 bytes is needed; name another folder, or none",
        ),
        (
            *(SMALL, "RAY_TMPDIR=/tmp/work/small"),
            "RAY_TMPDIR /tmp/work/small: 0.3 MB are free, and 50 MB are needed; name another folder, or none",
        ),
        (
            f"install -d -m 700 {OWN}",
            "",
            f"HOME: ~ cannot be written, and neither can a temporary folder be made ({OWN} must be a folder that only "
            "you can read); set HOME or TMPDIR to a folder of yours",
        ),
    ],
)
def test_what_will_not_do_is_said_in_a_line(prepared: str, before: str, line: str) -> None:
    assert settled(None, prepared, before) == f"error: {line}\n"


@needs_a_bare_user
def test_a_machine_without_any_room_for_ray_is_told_so() -> None:
    tiny = "mount -t tmpfs -o size=100k,mode=1777 none"
    said = settled(None, f"{tiny} /var/tmp && {tiny} /dev/shm && mount -o remount,size=100k /tmp")
    free = "0.1 MB are free, and 50 MB are needed"
    assert said.startswith(f"error: TMPDIR: Ray has no place for its files (/tmp: {free}; /var/tmp: {free}; /dev/shm: ")
    assert said.endswith("; set RAY_TMPDIR to a folder of yours\n")
