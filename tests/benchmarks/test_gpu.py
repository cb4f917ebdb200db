from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import portraits, report, run, search, surroundings
from benchmarks.gpu.part import Finding, Part
from benchmarks.gpu.portraits import Portraits
from benchmarks.gpu.record import Record
from benchmarks.gpu.report import Report
from benchmarks.gpu.run import Minutes, Runner
from benchmarks.gpu.worker import Worker
from common.command_line import exit_code
from common.errors import MasktuneError, OptionError
from common.repository import ROOT
from data_prep.labels import MASKS
from data_prep.sample.people import person
from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store, write
from tests.benchmarks import gpu_parts as parts

SOON = 60.0
"""Seconds within which another process must have noticed something."""

LONG_ENOUGH = 8.0
"""Seconds within which a part comes to hang, however busy the machine is."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Told(Report):
    """A report that can do something when a part has found something."""

    then: Callable[[], None] = staticmethod(lambda: None)

    def found(self, outcome: Any, finding: Finding) -> None:
        super().found(outcome, finding)
        self.then()


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(Record(8, "cpu"), tmp_path / "found.json")


Checked = Callable[..., Record]


@pytest.fixture
def checked(tmp_path: Path, told: Told) -> Checked:
    """Runs parts in processes without torch; those that `first` names are needed by the others."""

    def check(*others: Part, first: tuple[Part, ...] = (), minutes: Minutes | None = None) -> Record:
        runner = Runner(command.SETTINGS["cpu"], minutes or Minutes(3600), told, tmp_path, {}, parts.look_at_nothing)
        try:
            runner.run(first, others)
        finally:
            runner.end()
        return told.record

    return check


def found(record: Record, part: str) -> list[Finding]:
    return next(outcome.findings for outcome in record.outcomes if outcome.name == part)


def value(record: Record, part: str, name: str) -> Any:
    return next(finding.values[name] for finding in found(record, part) if name in finding.values)


def is_gone(pid: int) -> bool:
    """Within a minute; a process that nobody has buried yet is gone."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_parts_share_a_process_and_what_they_find_is_plain(checked: Checked) -> None:
    record = checked(parts.FINE, parts.ITSELF)
    assert [finding.said for finding in found(record, "fine")][1:] == ["2"]
    assert value(record, "fine", "share") == 0.5
    assert value(record, "fine", "figures") == [0, 1]
    assert value(record, "fine", "pid") == value(record, "itself", "pid") != os.getpid()
    assert record.verdict() == "fit for searching: 1 check OK; sums are right; no GPU was looked at"


def test_an_exception_is_a_fault_what_was_found_before_is_kept_and_the_next_part_has_a_new_process(
    checked: Checked,
) -> None:
    record = checked(parts.ITSELF, parts.RAISING, parts.FINE)
    before, error = found(record, "raising")
    assert (before.right, error.right) == (True, False)
    assert error.said == "RuntimeError: CUDA error: an illegal memory access was encountered"
    assert "in _raising" in error.values["output"]
    assert value(record, "fine", "pid") != value(record, "itself", "pid")
    assert record.verdict() == "not fit for searching: 1 fault: raising; no GPU was looked at"


def test_a_package_that_is_not_installed_is_neither_right_nor_a_fault(checked: Checked) -> None:
    record = checked(parts.NEEDING_RAY, parts.FINE)
    (missing,) = found(record, "needing")
    assert (missing.right, missing.said) == (None, "not tried: ray is not installed")
    assert record.fit
    assert record.verdict().endswith("; no GPU was looked at; not installed, and needed: ray")


@pytest.mark.parametrize(("part", "how"), [(parts.DYING, "exit code 7"), (parts.KILLED, "SIGKILL")])
def test_a_part_whose_process_dies_is_a_fault_and_the_others_go_on(checked: Checked, part: Part, how: str) -> None:
    record = checked(part, parts.FINE)
    died = found(record, part.name)[-1]
    assert (died.said, died.right) == (f"its process ended: {how}", False)
    assert ("last words" in died.values["output"]) == (part is parts.DYING)
    assert len(found(record, part.name)) == (2 if part is parts.DYING else 1)
    assert [finding.right for finding in found(record, "fine")] == [None, True]


def test_a_part_that_hangs_is_a_fault_and_leaves_no_process(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run.AT_LEAST, "cpu", LONG_ENOUGH)
    monkeypatch.setattr(run, "PATIENCE", 0.0)
    record = checked(parts.HANGING, parts.FINE)
    silent = found(record, "hanging")[-1]
    assert silent.right is False
    assert silent.said.startswith(f"no answer in {LONG_ENOUGH:.0f} s, in {parts.__file__}, line "), "where it hung"
    assert "in _hanging" in silent.values["output"]
    assert is_gone(value(record, "hanging", "pid"))
    assert [finding.right for finding in found(record, "fine")] == [None, True]


def test_a_part_that_is_cut_off_by_the_minutes_is_left_out_and_no_fault(checked: Checked, told: Told) -> None:
    clock = Clock()
    told.then = partial(setattr, clock, "now", 3600.0)
    record = checked(parts.HANGING, minutes=Minutes(LONG_ENOUGH, clock))
    assert [finding.right for finding in found(record, "hanging")] == [None, None]
    assert record.left_out == {"hanging": "cut off when the minutes were spent"}
    assert record.verdict().startswith("not fit for searching, as far as is known: nothing was checked; no GPU")


def test_a_part_that_no_longer_fits_is_left_out_and_a_shorter_one_still_runs(checked: Checked) -> None:
    record = checked(parts.LONG, parts.FINE, minutes=Minutes(1800, Clock()))
    assert record.left_out == {"long": "it takes about 3600 s, and 1800 s are left"}
    assert record.verdict().startswith("fit for searching, as far as was looked: 1 check OK; ")
    assert record.verdict().endswith("; 1 left out (long)")


def test_estimates_grow_where_parts_take_longer_and_never_shrink() -> None:
    minutes = Minutes(480, Clock())
    assert minutes.estimate(parts.LONG) == 3600
    minutes.learn(parts.FINE, 0.1)
    assert minutes.estimate(parts.FINE) == 1
    minutes.learn(Part("slow", "", 30, parts.FINE.run), 120)
    assert 2 < minutes.estimate(parts.FINE) < 3


def test_a_part_is_told_how_long_it_may_take(checked: Checked) -> None:
    assert value(checked(parts.ITSELF), "itself", "seconds") == 1


def test_a_part_with_cores_or_variables_has_a_process_of_its_own(checked: Checked) -> None:
    record = checked(parts.ITSELF, parts.ON_ONE_CORE, parts.WITH_VARIABLE, parts.FINE)
    names = ("itself", "one core", "variable")
    assert [value(record, name, "variable") for name in names] == [None, None, "1"]
    assert value(record, "one core", "cores") == 1
    assert value(record, "variable", "cores") == len(os.sched_getaffinity(0))
    assert len({value(record, name, "pid") for name in names}) == 3
    assert value(record, "fine", "pid") == value(record, "itself", "pid")


def test_a_part_that_needs_more_cores_than_there_are_is_left_out(checked: Checked) -> None:
    why = checked(parts.ON_MANY_CORES).left_out["many cores"]
    assert why == f"it needs 10000 cores, and {len(os.sched_getaffinity(0))} are here"


def test_without_what_they_build_on_the_others_are_left_out(checked: Checked) -> None:
    record = checked(parts.ITSELF, first=(parts.WRONG, parts.FINE))
    assert record.left_out == {"fine": "it builds on wrong", "itself": "it builds on wrong"}
    assert record.faults == ["wrong: sum"]


def test_what_others_build_on_must_have_been_tried(checked: Checked) -> None:
    record = checked(parts.ITSELF, first=(parts.NEEDING_RAY,))
    assert (record.left_out, record.faults) == ({"itself": "it builds on needing"}, [])


def test_a_check_that_is_interrupted_leaves_no_process_and_keeps_what_was_found(checked: Checked, told: Told) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    told.then = interrupt
    with pytest.raises(KeyboardInterrupt):
        checked(parts.HANGING)
    assert is_gone(value(told.record, "hanging", "pid"))


ORPHAN = """
import os, sys
from pathlib import Path
from benchmarks.gpu import worker
from tests.benchmarks import gpu_parts
started = worker.Worker(Path(sys.argv[1]), look=gpu_parts.look_at_nothing)
started.ready(60)
print(next(started.work(gpu_parts.HANGING, None, 60)).said, started._process.pid, flush=True)
os._exit(0)
"""


def test_processes_end_with_a_check_that_is_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(tmp_path / "log")], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert all(is_gone(int(pid)) for pid in done.stdout.split())


def test_a_process_that_does_not_start_says_why(tmp_path: Path, told: Told) -> None:
    runner = Runner(command.SETTINGS["cpu"], Minutes(3600), told, tmp_path, {}, parts.look_in_vain)
    assert runner.sees() is None
    runner.run([parts.FINE], [parts.ITSELF])
    runner.end()
    (died,) = found(told.record, "fine")
    assert (died.right, died.said) == (False, "its process ended: exit code 1")
    assert "libcudart" in died.values["output"]


def test_the_json_is_written_after_every_part(checked: Checked, told: Told, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    told.then = lambda: seen.append([part["name"] for part in _json(tmp_path / "found.json").get("parts", [])])
    checked(parts.FINE, parts.WRONG)
    assert seen == [[], [], ["fine"]]
    about = _json(tmp_path / "found.json")
    assert about["parts"][0]["findings"][1] == {
        "name": "sum",
        "said": "2",
        "right": True,
        "values": {"figures": [0, 1]},
        "headline": "sums are right",
    }
    assert (about["fit"], about["verdict"]) == (False, told.record.verdict())


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}


def test_a_disk_that_is_full_costs_the_file_and_not_the_check(
    checked: Checked, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    told._out = Path("no/such/folder/found.json")
    assert checked(parts.FINE).fit
    assert "note: no/such/folder/found.json cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with parts of ours."""

    def run_it(*options: str, first: tuple[Part, ...] = (parts.FINE,), others: tuple[Part, ...] = ()) -> int:
        monkeypatch.setattr(command, "order", lambda drawn: (list(first), list(others)))
        monkeypatch.setattr(command, "Runner", partial(Runner, look=parts.look_at_nothing))
        return exit_code(lambda: command.main(list(options)))

    return run_it


def test_the_command_prints_lines_a_table_and_a_verdict(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--device", "cpu", "--out", "a.json", others=(parts.WRONG, parts.LONG)) == command.NOT_FIT
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 parts, about 3602 s, of 480 at most"
    assert lines[2].split("  ")[0] == "adds one and one"
    assert lines[4] == "  OK     sum                             2"
    assert "  FAULT  sum                             3" in lines
    assert "wrong  FAULT  sum       3" in lines
    assert lines.count("left out: long: it takes about 3600 s, and 480 s are left") <= 1
    assert "not fit for searching: 1 fault: wrong: sum; no GPU was looked at; 1 left out (long)" in lines
    assert lines[-1] == "    python -m benchmarks.gpu --table a.json"
    assert _json(Path("a.json"))["left_out"].keys() == {"long"}


def test_the_command_is_content_where_all_is_right(main: Callable[..., int]) -> None:
    assert main("--device", "cpu", others=(parts.ITSELF,)) == 0
    assert _json(Path("gpu-check.json"))["fit"] is True


def test_without_a_gpu_the_command_says_so_in_a_line_and_writes_nothing(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 2
    said = capsys.readouterr()
    assert said.err == "error: torch 2.10 sees no GPU; --device cpu tries the check itself\n"
    assert (said.out, list(Path().iterdir())) == ("", [])


def test_the_command_that_is_interrupted_keeps_what_was_found(
    main: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Report, "ended", interrupt)
    assert main("--device", "cpu") == 130
    about = _json(Path("gpu-check.json"))
    assert (about["interrupted"], about["fit"], about["parts"][0]["name"]) == (True, False, "fine")
    assert "interrupted: 1 check OK until then" in capsys.readouterr().out


def test_parts_are_chosen_by_name_with_what_they_build_on(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = command.chosen(["wrong"], [parts.FINE, parts.ITSELF], [parts.WRONG, parts.LONG])
    assert chosen == ([parts.FINE, parts.ITSELF], [parts.WRONG])
    assert command.chosen(["fine"], [parts.FINE, parts.ITSELF], [parts.WRONG]) == ([parts.FINE], [])
    assert main("--device", "cpu", "--parts", "wong", others=(parts.WRONG,)) == 2
    assert capsys.readouterr().err == "error: --parts: no part is called wong; there are fine, wrong\n"
    assert main("--device", "cpu", "--parts", "fine", others=(parts.WRONG,)) == 0
    about = _json(Path("gpu-check.json"))
    assert about["left_out"] == {"wrong": "not asked for"}
    assert about["verdict"].endswith("; 1 not asked for")
    assert "wrong" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "no/such/folder/a.json"], "--out no/such/folder/a.json: cannot be written: No such file"),
        (["--store", "nowhere"], "nowhere does not exist"),
        (["--table", "nowhere.json"], "--table nowhere.json: cannot be read: No such file"),
    ],
)
def test_bad_input_is_a_line_and_exit_code_2(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main("--device", "cpu", *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("options", [["--minutes", "0"], ["--minutes", "nan"], ["--minutes", "x"], ["--device", "tpu"]])
def test_bad_options_are_refused(main: Callable[..., int], options: list[str]) -> None:
    assert main(*options) == 2


def test_a_disk_without_room_for_the_portraits_is_named(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(command.PORTRAITS, "cpu", Portraits(10**9, 1, 1))
    assert main("--device", "cpu") == 2
    assert "set TMPDIR" in capsys.readouterr().err


def test_a_store_of_the_users_own_is_used_instead_of_portraits(
    main: Callable[..., int], small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--device", "cpu", "--store", str(small_store.path)) == 0


def about(**more: Any) -> dict[str, Any]:
    record = Record(8, "cuda", date="2026-11-26T12:00:00+00:00", seconds=412.3)
    outcome = record.begin(Part("surroundings", "looks", 8, parts.FINE.run), 8)
    values = {"gpu": "NVIDIA H100", "capability": "sm_90", "cores": 16, "torch": "2.10.0", "packages": {"ray": None}}
    outcome.findings += [
        Finding("card", "NVIDIA H100", values=values),
        Finding("kernels", "bfloat16 | all", right=True),
    ]
    record.left_out = {"search": "it takes about 80 s, and 3 s are left"}
    return {**json.loads(json.dumps(record.to_json())), **more}


def test_a_json_is_printed_as_a_markdown_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.json", "b.json"):
        Path(name).write_text(json.dumps(about()))
    assert command.main(["--table", "a.json", "b.json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("## gpu: NVIDIA H100\n") == 2
    assert printed.splitlines()[:10] == [
        "## gpu: NVIDIA H100",
        "",
        "NVIDIA H100, sm_90, 16 cores, torch 2.10.0; 2026-11-26, 412 s of 8 minutes.",
        "",
        "| part | seconds | what |  | found |",
        "| --- | ---: | --- | --- | --- |",
        "| surroundings | 0 | card |  | NVIDIA H100 |",
        "|  |  | kernels | OK | bfloat16 \\| all |",
        "| search |  | left out |  | it takes about 80 s, and 3 s are left |",
        "",
    ]
    assert "not installed, and needed: ray; 1 left out (search).\n" in printed


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 1}', "\0", json.dumps(about(parts=[{"name": "x"}]))])
def test_a_file_that_is_no_record_is_refused(text: str) -> None:
    Path("a.json").write_text(text)
    with pytest.raises(OptionError, match=r"--table a.json: not a JSON that"):
        report.read(Path("a.json"))


def test_help_and_tables_do_without_torch() -> None:
    Path("a.json").write_text(json.dumps(about()))
    script = (
        "import sys; from benchmarks.gpu.__main__ import main, parser; parser().format_help(); "
        "main(['--table', sys.argv[1]]); sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(Path("a.json").absolute())], cwd=ROOT, check=False)
    assert done.returncode == 0


FEW = Portraits(train=2, val=1, test=1, size=(64, 48))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Finding]]:
    setting = command.replace(command.SETTINGS["cpu"], path=tmp_path_factory.mktemp("drawn") / "store")
    (finding,) = portraits.part(FEW).run(setting)
    yield setting.store, finding


def test_portraits_have_people_in_one_split_each_and_their_labels(drawn: tuple[Store, Finding]) -> None:
    store, finding = drawn
    assert (len(store), store.size, store.source_size, store.profile) == (28, (64, 48), (512, 384), "reference")
    assert store.meta["background"]["method"] == "keep"
    assert [len(store.rows(split)) for split in ("train", "val", "test")] == [14, 7, 7]
    assert store.index.groupby("person")["split"].nunique().tolist() == [1] * 4
    who = [person(portraits.SEED, "train", number) for number in range(4)]
    assert store.age_min[::7].tolist() == [each.age for each in who]
    assert store.index["gender"][::7].tolist() == [each.recorded_gender for each in who]
    assert [MASKS[code] for code in store.mask[:7]] == ["worn"] * 5 + ["incorrect", "none"]
    assert (finding.right, finding.values["photos"]) == (None, 28)


def test_portraits_are_the_same_bytes_each_time(drawn: tuple[Store, Finding]) -> None:
    store, _ = drawn
    for number, (person_number, split) in enumerate(FEW.people()):
        again = portraits.draw_person(FEW.size, (person_number, split))
        assert np.array_equal(store.read(range(7 * number, 7 * number + 7)), again.photos)


def test_portraits_make_the_store_that_a_store_writer_makes(drawn: tuple[Store, Finding], tmp_path: Path) -> None:
    ours, _ = drawn
    theirs = write(tmp_path / "store", ours.read(range(28)), ours.index, StoreMeta(source_size=(512, 384)))
    assert ours.hash == theirs.hash


def test_shards_hold_no_more_photos_than_they_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portraits, "PHOTOS_PER_SHARD", 20)
    people = (portraits.draw_person((16, 12), (number, "train")) for number in range(3))
    portraits._write(people, (16, 12), tmp_path / "store")
    store = Store.open(tmp_path / "store", verify=True)
    assert [shard["photos"] for shard in store.meta["shards"]] == [14, 7]


def test_portraits_are_as_drawn_where_the_store_is_of_their_size() -> None:
    drawn = portraits.draw_person((512, 384), (0, "val"))
    assert (drawn.photos.shape, drawn.photos.dtype) == ((7, 512, 384, 3), np.uint8)
    assert {row["split"] for row in drawn.rows} == {"val"}


def test_drawing_imports_neither_torch_nor_pandas() -> None:
    script = "import sys, benchmarks.gpu.portraits; sys.exit(bool({'torch', 'pandas', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_surroundings_name_the_machine_and_the_packages() -> None:
    record = Record(8, "cpu")
    outcome = record.begin(surroundings.PART, 8)
    outcome.findings += surroundings.look(command.SETTINGS["cpu"])
    assert (record.faults, record.checks) == ([], 1)
    machine = record.machine
    assert machine["gpu"] is None
    assert machine["cores"] == len(os.sched_getaffinity(0))
    assert machine["packages"]["optuna"] and machine["packages"]["onnxruntime-gpu"] is None
    assert {"torch", "python", "numpy", "dtype", "cpu"} <= machine.keys()
    assert json.loads(json.dumps(machine)) == machine


@pytest.mark.parametrize(("number", "version"), [(None, None), (91002, "9.10.2"), (8907, "8.9.7")])
def test_cudnns_number_is_its_version(monkeypatch: pytest.MonkeyPatch, number: int | None, version: str | None) -> None:
    monkeypatch.setattr(surroundings.torch.backends.cudnn, "version", lambda: number)
    assert surroundings._cudnn() == version


def searched(folder: Path, *statuses: str, device: str = "CPU, 1 threads") -> Path:
    """What a search leaves behind, as far as it is looked at: trials that took 10 s, half a second apart."""
    for number, _ in enumerate(statuses):
        trial = folder / f"trial-{number + 1:03d}"
        trial.mkdir(parents=True)
        (trial / "result.json").write_text('{"val_f1": 0.25, "photos_per_s": 20.0}\n' * 2)
        (trial / "trial.log").write_text(f"seed 42; {device}, float32")
        began = 1e9 + 10.5 * number
        os.utime(trial / "trial.log", (began, began))
        os.utime(trial / "result.json", (began + 10, began + 10))
    (folder / "leaderboard.csv").write_text("\n".join(["status", *statuses]) + "\n")
    (folder / "search.json").write_text('{"resources": {"concurrent": 1}}')
    (folder / "ensemble.json").write_text('{"members": [{}, {}], "views": [{}]}')
    return folder


def looked(folder: Path) -> dict[str, Finding]:
    """What the part finds where each of the two commands leaves `folder` behind and exits with 0."""

    class Run:
        seconds, peak = 41.0, 0

        def __call__(self, *command: str) -> tuple[int, str]:
            return 0, ""

    run = Run()
    run.folder = folder.parent.parent
    return {finding.name: finding for finding in search._searched(run, command.SETTINGS["cpu"], folder)}


def test_a_search_in_which_all_went_well_is_right(tmp_path: Path) -> None:
    found = looked(searched(tmp_path / "runs" / "gpu-check", "finished", "stopped", "finished", "finished"))
    assert {name: finding.right for name, finding in found.items()} == {
        "search": True,
        "scores": True,
        "device": True,
        "turnover": None,
        "vote": True,
    }
    assert found["search"].said == "3 finished, 1 stopped of 4 trials, 41 s in all"
    assert found["scores"].said == "val F1 0.250, 0.250, 0.250, 0.250; last epochs at 20 photos/s"
    assert found["turnover"].values["turnover_s"] == [0.5, 0.5, 0.5]
    assert found["vote"].said == "2 of 4 trials vote, 1 view of a photo, 41 s"


def test_a_search_with_a_failed_or_lost_trial_or_one_on_another_device_is_a_fault(tmp_path: Path) -> None:
    found = looked(searched(tmp_path / "a" / "runs" / "gpu-check", "finished", "failed", "finished", "finished"))
    assert found["search"].right is False
    found = looked(searched(tmp_path / "b" / "runs" / "gpu-check", *["finished"] * 3, device="NVIDIA H100"))
    assert [found[name].right for name in ("search", "scores", "device")] == [False, False, False]
    assert found["device"].said == "3 trials say where they ran; not on CPU: trial-001, trial-002, trial-003"


def test_a_command_that_fails_is_named_by_its_last_line() -> None:
    failed = search._failed("vote", 2, "working\nerror: no trial has predictions\n\n")
    assert (failed.said, failed.right) == ("exit code 2: error: no trial has predictions", False)


def test_a_command_is_run_and_timed(tmp_path: Path) -> None:
    run = search.Run(tmp_path, dict(os.environ), gpu=False)
    assert run("-c", "import os; print(os.getcwd()); raise SystemExit(5)") == (5, f"{ROOT}\n")
    assert run.seconds > 0


def test_without_ray_no_search_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    (finding,) = search.search(command.SETTINGS["cpu"])
    assert (finding.said, finding.right) == ("not tried: ray and optuna not installed", None)
    assert finding.values["missing"] == ["ray", "optuna"]


def test_rays_folder_has_a_short_name_wherever_ours_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for ours, rays in (("/tmp/gpu-abcdefgh", "/tmp/gpu-abcdefgh"), ("/a/long/name/for/temporary/files", "/tmp")):
        monkeypatch.setattr(search.tempfile, "gettempdir", lambda ours=ours: ours)
        assert search._short() == rays


def test_every_part_has_a_name_of_its_own_and_travels_to_its_process() -> None:
    first, others = command.order(command.PORTRAITS["cpu"])
    names = [part.name for part in (*first, *others)]
    assert len(set(names)) == len(names)
    assert all("," not in name for name in names), "names are separated by commas"
    for part in (*first, *others):
        assert pickle.loads(pickle.dumps(part)).name == part.name


def test_a_real_check_of_one_part_on_the_cpu(tmp_path: Path) -> None:
    """Torch is imported in a process, portraits are drawn, a proof is made, and everything is cleared away."""
    asked = ["--device", "cpu", "--parts", "feeds", "--minutes", "60", "--out", str(tmp_path / "a.json")]
    (tmp_path / "t").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *asked],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "t")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    about = _json(tmp_path / "a.json")
    assert [part["name"] for part in about["parts"]] == ["surroundings", "portraits", "feeds"]
    assert about["verdict"] == done.stdout.splitlines()[-5]
    assert list((tmp_path / "t").iterdir()) == []


def test_errors_of_imports_are_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks.gpu.surroundings", None)
    monkeypatch.delattr("benchmarks.gpu.surroundings", raising=False)
    with pytest.raises(MasktuneError, match="cannot be imported"):
        command.order(None)


def test_a_worker_ends_gently_when_it_is_idle(tmp_path: Path) -> None:
    worker = Worker(tmp_path / "log", look=parts.look_at_nothing)
    assert worker.ready(SOON).gpus == 0
    worker.end()
    assert worker._process.exitcode == 0
