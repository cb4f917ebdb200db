"""A search that is kept at an address: it is what one in a folder is, and nothing of it needs this machine."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common import files, patience
from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import SearchError, UriError
from data_prep.store.store import Store
from tests.helpers.forked_program import Program
from tests.helpers.patience import HANGS
from tests.tuning.helpers.curve_trial import SlowTrial
from tests.tuning.helpers.undisturbed import Undisturbed
from tests.tuning.test_faults import board, study
from trainable.worker.remote_trial import RemoteTrial
from tuning import resume, search
from tuning.background import meanwhile
from tuning.callbacks.watchdog import Watchdog
from tuning.ownership import lock as owner
from tuning.ownership.lock import Ownership, owning
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.records import search_json
from tuning.storage import home, mirror, states
from tuning.storage.mirror import Mirror

DRIVER = """
import sys
from data_prep.store.store import Store
from tests.tuning.helpers.curve_trial import SlowTrial
from tests.tuning.storage.test_mirror import at_uri
from tests.tuning.helpers.plans import small_plan
from pathlib import Path
from tuning import search
from tuning.cluster import session
from tuning.plan.resources import Resources

store = Store.open(sys.argv[2])
session.start_ray()
plan = small_plan(Path("runs"), store, resources=Resources(1, 0, 1))
search.run(at_uri(plan, sys.argv[1]), store, SlowTrial)
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(owner, "CLAIM", 0.1)


@pytest.fixture
def runs(tmp_path: Path) -> str:
    return f"file://{tmp_path}/there/runs"


def at_uri(plan: Plan, runs: str) -> Plan:
    remote = uris.child(runs, plan.name)
    return dataclasses.replace(plan, folder=home.at(remote).folder, remote=remote)


def test_a_search_killed_and_resumed_on_another_machine_ends_as_an_undisturbed_one_in_a_folder(
    calm: Undisturbed, small_store: Store, tmp_path: Path, runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there/runs/age_bands"
    driver = Program(["-c", DRIVER, runs, small_store.path])
    until = time.monotonic() + HANGS
    while len(list(there.glob("state/*/manifest.json"))) < 2 or not list(there.glob("trial-002/checkpoint_*")):
        assert driver.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    driver.kill()
    driver.wait()

    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "another"))
    disturbed = at_uri(calm.plan, runs)
    assert not disturbed.folder.exists()
    home.of(disturbed).fetch()
    rows = search.resume(resume.resumable(disturbed.folder, remote=disturbed.remote), SlowTrial)

    assert len(rows) == 6
    for where in (disturbed.folder, there):
        plan = dataclasses.replace(disturbed, folder=where)
        assert board(plan).drop(columns="seconds").equals(board(calm.plan).drop(columns="seconds"))
        assert study(plan) == study(calm.plan)
    assert search_json.read(there).state == "finished"
    assert not list(there.glob("**/checkpoint_*"))
    assert not (there / ".owner.json").exists()
    for file in there.glob("trial-*/result.json"):
        lines = [json.loads(line)["training_iteration"] for line in file.read_text().splitlines()]
        assert set(lines) == set(range(1, max(lines) + 1)), file
    assert not list((tmp_path / "another/trials").glob("*/**/checkpoint_*")), "no copy stays"


def test_another_machine_is_refused_while_the_owner_at_the_address_gives_signs_of_life(
    tmp_path: Path, runs: str
) -> None:
    there = RemoteFolder.of(runs)
    with owning(folder(tmp_path / "a"), there):
        ours = json.loads(there.read(".owner.json") or b"")
        of_another_machine = {**ours, "host": "gpu-7", "machine": "of another boot", "pid": 4711}
        there.write(".owner.json", json.dumps(of_another_machine).encode())
        said = r"runs is being run by process 4711 on gpu-7 \(last sign of life 0 s ago\); stop that one first, or wait"
        with pytest.raises(SearchError, match=said), owning(folder(tmp_path / "b"), there):
            pass
    file = tmp_path / "there/runs/.owner.json"
    there.write(".owner.json", json.dumps({**of_another_machine, "token": "theirs"}).encode())
    os.utime(file, times=(time.time() - 61,) * 2)
    with owning(tmp_path / "b", there):
        assert json.loads(file.read_text())["pid"] == os.getpid()
    assert not file.exists()


def test_a_state_that_is_not_whole_at_the_address_is_passed_over_and_one_comes_after_what_it_speaks_of(
    tmp_path: Path, runs: str
) -> None:
    here = folder(tmp_path / "here")
    there = RemoteFolder.of(runs)
    (here / "search.json").write_text("{}")
    for name in ("000001", "000002"):
        (here / "state" / name).mkdir(parents=True)
        for file in ("experiment_state-1.json", "search_gen_state-1.json", "searcher-state-1.pkl"):
            (here / "state" / name / file).write_text(f"{name} {file}")
        hashes = {file.name: files.file_sha256(file) for file in (here / "state" / name).iterdir()}
        files.write_json(here / "state" / name / "manifest.json", hashes)
    (here / "trial-001").mkdir()
    (here / "trial-001/result.json").write_text("{}\n")
    Mirror(here, there).push()
    assert len(there.list()) == 10
    there.remove("state/000002/manifest.json")
    there.remove("trial-001/result.json")

    again = folder(tmp_path / "again")
    (again / "state/000009").mkdir(parents=True)  # of an earlier driver on that machine
    (again / "trial-007").mkdir()
    (again / "trial-007/result.json").touch()
    Mirror(again, there).pull()
    states.install(again)
    assert (again / "searcher-state-1.pkl").read_text() == "000001 searcher-state-1.pkl"
    assert not list(again.glob("trial-*/*"))


def test_a_checkpoint_is_removed_at_the_address_only_after_a_state_was_pushed(tmp_path: Path, runs: str) -> None:
    here, there = folder(tmp_path / "here"), RemoteFolder.of(runs)
    for name in ("progress.json", "state.pt"):
        there.write(f"trial-001/checkpoint_000001/{name}", b"x")
        there.write(f"trial-001/checkpoint_000002/{name}", b"x")
    kept = Mirror(here, there)
    kept.remove(here / "trial-001", "checkpoint_000001")
    assert len(there.list()) == 4
    kept.push()
    assert sorted(there.list()) == [f"trial-001/checkpoint_000002/{name}" for name in ("progress.json", "state.pt")]


def test_a_checkpoint_that_is_not_whole_at_the_address_is_passed_over(tmp_path: Path, runs: str) -> None:
    there = RemoteFolder.of(runs) / "trial-001"
    for number in (1, 2, 3):
        there.write(f"checkpoint_00000{number}/state.pt", b"x")
        if number != 3:
            there.write(f"checkpoint_00000{number}/progress.json", b"{}")
    trial = RemoteTrial.of(runs, "trial-001")
    assert trial.checkpoints("checkpoint_000003") == ["checkpoint_000002", "checkpoint_000001"]
    assert not trial.has("checkpoint_000002")
    assert trial.fetch("checkpoint_000002")
    assert trial.has("checkpoint_000002")
    trial.push_checkpoint("checkpoint_000002")
    trial.close()
    assert not trial.here.exists()


def test_an_address_that_fails_meanwhile_is_tried_again_and_said_once(
    tmp_path: Path, runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    tries = iter([OSError("no route"), OSError("no route"), None])
    upload = RemoteFolder.upload

    def sometimes(self: RemoteFolder, file: Path, name: str) -> None:
        if error := next(tries, None):
            raise error
        upload(self, file, name)

    monkeypatch.setattr(RemoteFolder, "upload", sometimes)
    here = folder(tmp_path / "here")
    (here / "search.json").write_text("{}")
    with Mirror(here, RemoteFolder.of(runs)).followed(Ownership("here", [])):
        pass
    said = capsys.readouterr().out.splitlines()
    assert said == [f"Waiting for {runs}: no route. The search goes on meanwhile.", f"{runs} answers again."]
    assert RemoteFolder.of(runs).read("search.json") == b"{}"


def test_trials_that_wait_for_an_address_that_is_gone_do_not_hang_and_the_search_goes_on_when_it_is_back(
    ray_session: None,
    make_plan: Callable[..., Plan],
    small_store: Store,
    tmp_path: Path,
    runs: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(mirror, "QUIET", 0.5)
    monkeypatch.setattr(search, "Watchdog", lambda *excused: Watchdog(*excused, least=5, first=20))
    plan, there = at_uri(make_plan(budget=Budget(trials=2), grace=9), runs), tmp_path / "there"

    def outage(ended: threading.Event) -> None:
        while not list(there.glob("runs/age_bands/trial-*/checkpoint_000001")) and not ended.wait(0.1):
            pass
        there.rename(tmp_path / "away")
        there.touch()  # nothing can be under a file
        ended.wait(7)  # longer than the watchdog waits
        there.unlink()
        (tmp_path / "away").rename(there)

    with meanwhile(outage):
        rows = search.run(plan, small_store, SlowTrial)
    assert [(row.status, row.epochs) for row in rows] == [("finished", 9)] * 2
    said = capsys.readouterr().out
    assert "hung" not in said
    assert said.count(f"Waiting for {plan.remote}") == said.count(f"{plan.remote} answers again") == 1


def test_an_address_that_does_not_answer_is_one_line() -> None:
    uri = "s3://bucket/runs?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
    with pytest.raises(UriError, match="cannot be read") as said:
        home.at(uri).names()
    assert "\n" not in str(said.value)


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_what_somebody_removes_at_the_address_is_put_there_again_or_said_to_be_gone(
    tmp_path: Path, runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mirror, "PERIOD", 0.01)
    monkeypatch.setattr(mirror, "LOOK", 0.05)
    here, there = folder(tmp_path / "here"), RemoteFolder.of(runs)
    (here / "search.json").write_text("{}")
    folder(here / "trial-001")
    folder(here / "state/000001")
    (here / "state/000001/experiment_state-1.json").write_text("{}")
    files.write_json(here / "state/000001/manifest.json", {"experiment_state-1.json": "unread"})
    there.write("trial-001/best.safetensors", b"weights")
    kept = Mirror(here, there)
    kept.push()
    before = set(there.list())

    with kept.followed(Ownership("here", [])):
        while not kept._of_workers:
            time.sleep(0.01)
        shutil.rmtree(tmp_path / "there/runs")
        said, until = "", time.monotonic() + HANGS
        while "are among them" not in said:
            assert time.monotonic() < until
            said += capsys.readouterr().out
            time.sleep(0.01)
    assert f"Files at {runs} are gone that were there: 2 are put there again." in said
    assert "Weights that nobody has any more are among them: trial-001/best.safetensors." in said
    assert set(there.list()) == before - {"trial-001/best.safetensors"}


def test_a_state_that_the_storage_took_and_does_not_hold_does_not_count(
    tmp_path: Path, runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = folder(tmp_path / "here"), RemoteFolder.of(runs)
    folder(here / "state/000001")
    (here / "state/000001/experiment_state-1.json").write_text("{}")
    files.write_json(here / "state/000001/manifest.json", {"experiment_state-1.json": "unread"})
    kept = Mirror(here, there)
    with monkeypatch.context() as broken:
        broken.setattr(RemoteFolder, "write", lambda self, name, content: None)
        with pytest.raises(OSError, match="does not hold state/000001/experiment_state"):
            kept.push()
    kept.push()
    assert len(there.list("state")) == 2


def test_a_process_that_has_lost_the_search_pushes_nothing_more(tmp_path: Path, runs: str) -> None:
    here, there = folder(tmp_path / "here"), RemoteFolder.of(runs)
    with pytest.raises(SearchError, match="which took it over while"), owning(here, there) as own:
        theirs = {**json.loads(there.read(".owner.json") or b""), "token": "theirs", "pid": 4711, "host": "gpu-7"}
        there.write(".owner.json", json.dumps(theirs).encode())
        (here / "search.json").write_text("{}")
        own._found[1] -= 60  # since it was last looked for
        with Mirror(here, there).followed(own):
            pass
    assert set(there.list()) == {".owner.json"}, "nor is the other one's sign removed"
