"""docs/cluster.md, followed to the letter by two machines; and what it promises of one that is cut off."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, Campaign
from tests.faults.machines import SHARED, Machine, two
from tests.faults.test_driver import times_repeated
from tests.helpers.patience import HANGS

GUIDE = (ROOT / "docs/cluster.md").read_text().replace("/nfs", str(SHARED))
LONG, EPOCHS = HANGS, 30
"""Seconds that a search may take; epochs of one in which a machine is cut off."""


def after(words: str) -> str:
    """The lines to be typed that follow some words of the guide."""
    rest = GUIDE[GUIDE.index(words) + len(words) :]
    lines = re.search(r"\n\n((?:    .*\n)+)", rest)
    assert lines
    return re.sub(r"^    ", "", lines[1], flags=re.MULTILINE)


START_FIRST, START_OTHER = after("On the first machine, whose address is"), after("On each of the others:")
SEARCH, RESUME = after("On one of the machines, with the checkout:"), after("only then is a late machine checked, too:")


def results(search: Path) -> dict[str, list[dict]]:
    """By trial, what it reported."""
    files = sorted(search.glob("trial-*/result.json"))
    return {file.parent.name: [json.loads(line) for line in file.read_text().splitlines()] for file in files}


def hosts(search: Path) -> set[str]:
    """Where the newest epochs ran."""
    return {epochs[-1]["hostname"] for epochs in results(search).values() if epochs}


def set_up(first: Machine, second: Machine, **environment: str) -> None:
    first.run(after("Once, on the first machine:"))
    (second.home / ".ray").mkdir()
    shutil.copy2(first.home / ".ray/auth_token", second.home / ".ray/auth_token")
    type_again(first, START_FIRST, **environment)
    type_again(second, START_OTHER, **environment)
    sample = re.search(r"`(python -m data_prep\.sample .*?)`", GUIDE)
    assert sample
    first.run(sample[1])


def type_again(machine: Machine, start: str, **environment: str) -> None:
    """Start Ray, again where it was too slow, as the guide says: its raylet ends itself on a busy machine."""
    for left in (2, 1, 0):
        try:
            machine.run(start, **environment)
            return
        except AssertionError as error:
            if not left or "timed out" not in str(error):
                raise
            machine.run("ray stop")


def wait_for(seen: Callable[[], bool], said: Path) -> None:
    until = time.monotonic() + LONG
    while not seen():
        assert time.monotonic() < until, said.read_text()[-3000:]
        time.sleep(0.5)


def test_the_guide_is_followed_to_the_letter_and_a_machine_is_cut_off_and_back(
    campaign: Campaign, tmp_path: Path
) -> None:
    if not campaign.count(few=0, many=1):
        pytest.skip("minutes: make faults")
    runs, said = tmp_path / "shared/runs", tmp_path / "said"
    with two(tmp_path) as (first, second):
        set_up(first, second)
        assert "Leaderboard of first" in first.run(SEARCH)
        assert "3 trials (0 failed)" in first.run(RESUME)

        second_search = SEARCH[SEARCH.index("python tune_main.py") :].replace("--name first", "--name second")
        search = first.popen(second_search.replace("--epochs 2", f"--epochs {EPOCHS} --cpus-per-trial 2"), said)
        wait_for(lambda: hosts(runs / "second") == {"machine-1", "machine-2"}, said)
        second.cut()
        assert search.wait(LONG) == 0, said.read_text()[-3000:]
        assert hosts(runs / "second") == {"machine-1"}
        repeated = sum(times_repeated(folder) for folder in (runs / "second").glob("trial-*"))
        assert repeated <= 1

        second.join()
        second.run("ray stop")
        type_again(second, START_OTHER)
        assert "4 trials (0 failed)" in first.run(RESUME.replace("first", "second").replace("+1", "+2"))
        assert hosts(runs / "second") == {"machine-1", "machine-2"}
    campaign.record(machines=2, cut_off=1, back=1, epochs_repeated=repeated)


def test_machines_that_share_no_folder_search_at_an_address(campaign: Campaign, tmp_path: Path) -> None:
    if not campaign.count(few=0, many=1):
        pytest.skip("minutes: make faults")
    if not shutil.which("moto_server"):
        pytest.skip("moto_server, which simulates S3, is not in PATH; its packages and ours want other versions")
    server, known = "10.77.0.1:9000", {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    upload = f"""python -c "
from pyarrow.fs import S3FileSystem, copy_files
there = S3FileSystem(endpoint_override='{server}', scheme='http', region='us-east-1', allow_bucket_creation=True)
there.create_dir('bucket')
copy_files('{SHARED}/faces', 'bucket/faces', destination_filesystem=there)"
"""
    with two(tmp_path, shared=False) as (first, second):
        first.popen("exec moto_server -H 10.77.0.1 -p 9000", tmp_path / "moto", S3_IGNORE_SUBDOMAIN_BUCKETNAME="true")
        set_up(first, second, **known)
        prepare, search = SEARCH.split("python tune_main.py")
        first.run(prepare + upload, **known)
        at = f"s3://bucket/%s?endpoint_override={server}&scheme=http&region=us-east-1"
        search = f"python tune_main.py{search.rstrip()} --cpus-per-trial 2"
        search = search.replace(f"{SHARED}/faces", f"'{at % 'faces'}'").replace(f"{SHARED}/runs", f"'{at % 'runs'}'")
        assert "2 trials (0 failed)" in first.run(search, **known)
        kept = next((first.home / ".cache/masktune/runs").glob("*/runs/first"))
        assert hosts(kept) == {"machine-1", "machine-2"}
        resume = RESUME.replace(f"{SHARED}/runs/first", f"'{at % 'runs/first'}'")
        assert "3 trials (0 failed)" in second.run(resume, **known), (
            "begun on one machine, and gone on with on the other"
        )
        assert "vote:" in first.run(f"python -m ensemble.select_and_predict --search '{at % 'runs/first'}'", **known)
    campaign.record(machines=2, shared_folders=0, trials=3)
