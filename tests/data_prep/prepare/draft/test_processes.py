"""Many photos are decoded in processes: to the same bytes as in threads, and they end with the program."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from common.errors import PhotoError, StoreError
from common.machine import descendants
from data_prep.__main__ import MODULES
from data_prep.layouts.folders import photos_below
from data_prep.photos.background import Background
from data_prep.prepare import this_machine
from data_prep.prepare.parts import Job, Part
from data_prep.prepare.this_machine import make_here
from data_prep.processes import get_ready
from tests.data_prep.prepare.draft.interrupting import contents
from tests.helpers.forked_program import Program
from tests.helpers.patience import HANGS


@pytest.fixture
def made(raw, tmp_path, monkeypatch):
    """Makes parts of ten photos of the raw ones; returns their records, in order, and the folder of their shards."""
    monkeypatch.setattr(this_machine, "FEWEST", 1)
    photos = photos_below(raw.images).photos
    parts = [Part(cut // 10, photos[cut : cut + 10], [True] * 10) for cut in range(0, 70, 10)]

    def run(name, said=lambda *_: None, parts=parts, processes=True):
        (tmp_path / name).mkdir()
        job = Job(tmp_path / name, (20, 16), Background())
        records = dict(make_here_by_number(parts, job, said, processes))
        return [records[number] for number in sorted(records)], tmp_path / name

    return run


def make_here_by_number(parts, job, said, processes):
    assert get_ready(*MODULES)
    for part, record in make_here(parts, job, 2, said, processes):
        yield part.number, record


def test_processes_make_what_threads_make_and_name_what_cannot_be_used(raw, made):
    (raw.images / "000010_male_Asian_40" / "normal.jpg").write_bytes(b"<html>")
    heard = {True: [], False: []}
    records, folders = {}, {}
    for processes, said in heard.items():
        records[processes], folders[processes] = made(
            str(processes), lambda photo, error, said=said: said.append((photo.path, str(error))), processes=processes
        )
    assert records[True] == records[False] and contents(folders[True]) == contents(folders[False])
    assert sorted(heard[True]) == sorted(heard[False])
    assert ("000010_male_Asian_40/normal.jpg", "a web page, not a JPEG, PNG or WEBP photo") in heard[True]


def test_whoever_hears_of_photos_may_end_it(made):
    def enough(photo, error):
        raise PhotoError("enough")

    with pytest.raises(PhotoError, match="enough"):
        made("ended", enough)
    end = time.monotonic() + HANGS
    while len(forked()) > 1:  # the server that they were forked from stays
        assert time.monotonic() < end
        time.sleep(0.01)


def forked():
    """The server that processes are forked from, and those of them that live; each has its command line."""
    found = []
    for pid in descendants(os.getpid()):
        with suppress(OSError):  # it has ended meanwhile
            found += [pid] * (b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes())
    return found


def test_a_process_that_is_killed_is_said_in_one_line(made):
    class Deadly:
        def __reduce__(self):
            return os._exit, (1,)

    with pytest.raises(StoreError, match=r"was killed, .* is kept: run the same command again, with fewer --workers$"):
        made("killed", parts=[Part(0, [Deadly()], [True])])


RUN = """
import signal, sys, time
from common.command_line import exit_code
from data_prep.prepare import draft, prepare, this_machine
from data_prep.__main__ import main
prepare.PHOTOS_PER_SHARD, this_machine.FEWEST = 10, 1
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests themselves run in the background
keep = draft.Draft.keep
def slow(*arguments):
    keep(*arguments)
    time.sleep(0.3)
draft.Draft.keep = slow
sys.exit(exit_code(main))
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_the_program(make, raw, tmp_path, sent):
    where = ["--images", raw.images, "--labels", raw.labels, "--eval", raw.eval, "--out", tmp_path / "store"]
    process, end = Program(["-c", RUN, *where, "--background", "keep", "--workers", "2"]), time.monotonic() + HANGS
    while not (tmp_path / ".store.partial/parts/00001.json").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    started = descendants(process.pid)
    os.kill(process.pid, sent)
    assert process.wait() == (-signal.SIGKILL if sent == signal.SIGKILL else 130)
    assert len(started) >= 3 and "Traceback" not in process.said()
    while any(os.path.exists(f"/proc/{pid}/exe") for pid in started):  # noqa: PTH110 (a zombie's is gone)
        assert time.monotonic() < end
        time.sleep(0.01)
    assert contents(make().path) == contents(make("whole").path)
