"""Parts that are made in processes: the same bytes as threads make, and nobody is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import PhotoError, StoreError
from common.repository import ROOT
from data_prep.layouts.listing import Photo
from data_prep.photos.background import Background
from data_prep.prepare import prepare as module
from data_prep.prepare import processes
from data_prep.prepare.parts import Job, Part
from data_prep.store.store import Store

Born = list[subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def _three_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """25 parts of the 70 photos and three to predict: enough for three processes."""
    monkeypatch.setattr(module, "PHOTOS_PER_SHARD", 3)


@pytest.fixture
def born(monkeypatch: pytest.MonkeyPatch) -> Born:
    """The processes that are started."""
    found, really = [], subprocess.Popen

    def recorded(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        found.append(really(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(processes.subprocess, "Popen", recorded)
    return found


def contents(store: Store) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in store.path.iterdir()}


def test_processes_make_the_bytes_that_threads_make(make: Callable[..., Store], raw: Any, born: Born) -> None:
    broken = sorted(raw.images.rglob("*.jpg"))[10]
    broken.write_bytes(broken.read_bytes()[:-10])
    two, one = make("two", workers=2, max_left_out=0.1), make("one", workers=1, max_left_out=0.1)
    assert len(born) == 2
    assert contents(two) == contents(one)
    assert [each["path"] for each in two.meta["left_out"]] == [str(broken.relative_to(raw.images))]


@pytest.mark.parametrize(
    ("parts", "cores", "number"),
    [(25, 1, 1), (15, 2, 1), (16, 2, 2), (39, 2, 2), (39, 16, 4), (4000, 16, 16), (0, 2, 0)],
)
def test_a_process_is_started_for_a_few_thousand_photos(parts: int, cores: int, number: int) -> None:
    job = Job(Path(), (40, 30), Background())
    some = [Part(n, [], []) for n in range(parts)]
    assert processes.how_many(some, job, cores) == number
    segmenting = Job(Path(), (40, 30), Background("sample", segment=lambda photo: photo))
    assert processes.how_many(some, segmenting, cores) == 0


def test_few_photos_and_one_worker_need_no_processes(
    make: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, born: Born
) -> None:
    make("one", workers=1)
    monkeypatch.setattr(module, "PHOTOS_PER_SHARD", 5)
    make("few", workers=2)
    assert born == []


def test_too_many_broken_photos_stop_them_and_the_same_command_goes_on(
    make: Callable[..., Store], raw: Any, born: Born, tmp_path: Path
) -> None:
    whole = contents(make("whole", workers=1))
    good = {file: file.read_bytes() for file in sorted(raw.images.rglob("*.jpg"))[60:]}
    for file, data in good.items():
        file.write_bytes(data[:-10])
    with pytest.raises(PhotoError, match="may be left out"):
        make(workers=2)
    assert_all_have_ended(born)
    assert not (tmp_path / "store").exists()
    for file, data in good.items():
        file.write_bytes(data)
    assert contents(make(workers=2)) == whole
    assert len(born) == 2


def some_parts(raw: Any) -> list[Part]:
    files = sorted(raw.images.rglob("*.jpg"))
    return [Part(number, [Photo(file, file.name, file.name)] * 5, [True] * 5) for number, file in enumerate(files)]


def nothing_said(photo: Photo, error: PhotoError | None) -> None:
    pass


def test_a_process_that_dies_is_told_in_one_line(raw: Any, tmp_path: Path, born: Born) -> None:
    def deadly(photo: Photo, error: PhotoError | None) -> None:
        born[0].kill()

    job = Job(tmp_path, (40, 30), Background())
    with pytest.raises(StoreError, match="a process that decoded photos died: look at") as error:
        list(processes.make_apart(some_parts(raw), job, 2, 2, deadly))
    assert "\n" not in str(error.value) and "run the same command again" in str(error.value)
    assert_all_have_ended(born)


def test_what_a_process_cannot_write_is_told_as_it_is(raw: Any, tmp_path: Path, born: Born) -> None:
    job = Job(tmp_path / "gone", (40, 30), Background())
    with pytest.raises(StoreError, match=r"cannot write in .*gone \(No such file"):
        list(processes.make_apart(some_parts(raw), job, 2, 2, nothing_said))
    assert_all_have_ended(born)


@pytest.mark.parametrize("heard", [0, 1])
def test_whoever_stops_listening_stops_them(raw: Any, tmp_path: Path, born: Born, heard: int) -> None:
    made = processes.make_apart(some_parts(raw), Job(tmp_path, (40, 30), Background()), 2, 3, nothing_said)
    for _ in range(heard):
        part, record = next(made)
        assert record.key == part.key
    made.close()
    assert_all_have_ended(born)
    assert len(born) == 2 * heard


def test_every_photo_is_told_of_once_and_in_order(raw: Any, tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []

    def said(photo: Photo, error: PhotoError | None) -> None:
        told.append((photo.path, error is None))

    files = sorted(raw.images.rglob("*.jpg"))[:4]
    files[2].write_text("no photo")
    part = Part(0, [Photo(file, f"{number}.jpg", "p") for number, file in enumerate(files)], [True] * 4)
    job = Job(tmp_path, (40, 30), Background())
    ((_, record),) = processes.make_apart([part], job, 1, 1, said)
    assert told == [("0.jpg", True), ("1.jpg", True), ("2.jpg", False), ("3.jpg", True)]
    assert list(record.left_out) == [2] and record.photos == 4


WORKS = """
import sys
from pathlib import Path
from data_prep.layouts.listing import Photo
from data_prep.photos.background import Background
from data_prep.prepare import processes
from data_prep.prepare.parts import Job, Part

really, born = processes.subprocess.Popen, []
processes.subprocess.Popen = lambda *these, **options: born.append(really(*these, **options)) or born[-1]

def said(photo, error):
    if born:
        print(*(process.pid for process in born), flush=True)
        born.clear()

photo, folder = map(Path, sys.argv[1:])
parts = [Part(number, [Photo(photo, "a.jpg", "a")] * 20_000, [True] * 20_000) for number in range(2)]
list(processes.make_apart(parts, Job(folder, (40, 30), Background()), 2, 2, said))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_program_that_ends_leaves_no_process_behind(raw: Any, tmp_path: Path, number: signal.Signals) -> None:
    photo = next(raw.images.rglob("*.jpg"))
    command = [sys.executable, "-c", WORKS, str(photo), str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stdout is not None and program.stderr is not None
        children = [int(pid) for pid in program.stdout.readline().split()]
        assert len(children) == 2
        program.send_signal(number)
        said = program.stderr.read()  # its end is when the last of those that inherited it has ended
    assert not any(map(alive, children))
    assert said.count("Traceback") == (number == signal.SIGINT), said


def alive(process: int) -> bool:
    """Say whether it still runs; one that nobody has waited for has no command line any more."""
    command = Path(f"/proc/{process}/cmdline")
    return command.exists() and command.read_bytes() != b""


def assert_all_have_ended(born: Born) -> None:
    assert all(process.poll() is not None for process in born)
