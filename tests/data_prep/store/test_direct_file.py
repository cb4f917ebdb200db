import errno
import fcntl
import hashlib
import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from data_prep.store.direct_file import BLOCK_BYTES, BLOCKS, DirectFile


def random_bytes(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, number, dtype=np.uint8)


def written(file: Path, data: np.ndarray, pieces: int) -> str:
    with closing(DirectFile(file)) as stream:
        for piece in np.array_split(data, pieces):
            stream.write(piece)
        return stream.finish()


@pytest.fixture
def no_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no O_DIRECT."""

    def refuse(descriptor: int, command: int, argument: int = 0) -> int:
        if command == fcntl.F_SETFL and argument & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, command, argument)

    real = fcntl.fcntl
    monkeypatch.setattr(fcntl, "fcntl", refuse)


@pytest.fixture
def no_such_sectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that takes the flag, and then no write with it."""

    def refuse(descriptor: int, data: memoryview) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, data)

    real = os.write
    monkeypatch.setattr(os, "write", refuse)


SIZES = [0, 1, 4095, 4096, 4097, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, (BLOCKS + 2) * BLOCK_BYTES + 5]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pieces", [1, 7])
def test_the_file_holds_what_was_written_and_its_hash_is_told(tmp_path: Path, size: int, pieces: int) -> None:
    data = random_bytes(size)
    digest = written(tmp_path / "file", data, pieces)
    assert (tmp_path / "file").read_bytes() == data.tobytes()
    assert digest == hashlib.sha256(data.tobytes()).hexdigest()


@pytest.mark.parametrize("lacking", ["no_direct", "no_such_sectors"])
def test_where_the_page_cache_cannot_be_passed_it_is_used(
    tmp_path: Path, lacking: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(lacking)
    data = random_bytes(BLOCK_BYTES + 5)
    assert written(tmp_path / "file", data, 3) == hashlib.sha256(data.tobytes()).hexdigest()
    assert (tmp_path / "file").read_bytes() == data.tobytes()


def test_where_the_page_cache_can_be_passed_it_is(tmp_path: Path) -> None:
    with closing(DirectFile(tmp_path / "file")) as stream:
        stream.write(random_bytes(5))
        try:
            os.close(os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
        except OSError:
            pytest.skip("the file system of the temporary folder has no O_DIRECT")
        assert fcntl.fcntl(stream._descriptor, fcntl.F_GETFL) & os.O_DIRECT


def test_what_cannot_be_written_is_an_error_of_a_later_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with closing(DirectFile(tmp_path / "file")) as stream:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            for _ in range(BLOCKS + 1):
                stream.write(random_bytes(BLOCK_BYTES))
    with closing(DirectFile(tmp_path / "short")) as stream:
        stream.write(random_bytes(5))
        with pytest.raises(OSError, match="No space left"):
            stream.finish()


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        DirectFile(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_what_was_not_finished_holds_no_descriptor(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    stream = DirectFile(tmp_path / "file")
    stream.write(random_bytes(2 * BLOCK_BYTES))
    stream.close()
    stream.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
