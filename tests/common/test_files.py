import hashlib
import json
import os
from pathlib import Path

import pytest

from common.errors import OptionError
from common.files import blaming, check_file, file_sha256, new_folder, replacing, write_bytes, write_json, write_text


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("before")
    with replacing(file) as fresh:
        fresh.write_text("after")
        assert file.read_text() == "before" and fresh.parent == file.parent and fresh.name.startswith(".a.txt.")
    assert file.read_text() == "after" and names(tmp_path) == ["a.txt"]


def test_an_error_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("before")
    with pytest.raises(KeyboardInterrupt), replacing(file) as fresh:
        fresh.write_text("aft")
        raise KeyboardInterrupt
    assert file.read_text() == "before" and names(tmp_path) == ["a.txt"]


def test_what_went_wrong_is_said_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(NotADirectoryError):
        write_text(tmp_path / "file" / "a.txt", "text")


def test_a_file_may_be_read_by_those_whom_the_umask_lets_whoever_makes_it(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.bin") as fresh:
            fresh.unlink()
            os.close(os.open(fresh, os.O_CREAT, 0o600))
        write_text(tmp_path / "a.txt", "text")
        with new_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    assert modes == {"a.bin": "0o640", "a.txt": "0o640", "folder": "0o750"}


def test_text_and_json_are_written_whole(tmp_path):
    write_text(tmp_path / "a.txt", "text")
    write_json(tmp_path / "a.json", {"folder": tmp_path})
    assert (tmp_path / "a.txt").read_text() == "text"
    assert json.loads((tmp_path / "a.json").read_text()) == {"folder": str(tmp_path)}
    assert names(tmp_path) == ["a.json", "a.txt"]


def test_what_a_killed_process_left_of_a_durable_file_is_written_over(tmp_path):
    (tmp_path / ".a.bin.partial").write_bytes(b"x" * 100)
    write_bytes(tmp_path / "a.bin", [b"one", b"two"])
    assert (tmp_path / "a.bin").read_bytes() == b"onetwo" and names(tmp_path) == ["a.bin"]
    assert file_sha256(tmp_path / "a.bin") == hashlib.sha256(b"onetwo").hexdigest()


@pytest.mark.parametrize("alone", [False, True])
def test_a_folder_has_its_name_only_when_it_is_whole(tmp_path, alone):
    with new_folder(tmp_path / "a", alone=alone) as fresh:
        (fresh / "file").write_text("text")
        assert not (tmp_path / "a").exists() and fresh.name.startswith(".a.")
    assert (tmp_path / "a/file").read_text() == "text" and names(tmp_path) == ["a"]


def test_a_folder_takes_the_place_of_an_empty_one_and_of_no_other(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with new_folder(tmp_path / "empty") as fresh:
        (fresh / "new").touch()
    with pytest.raises(OSError, match="not empty"), new_folder(tmp_path / "full") as fresh:
        (fresh / "new").touch()
    assert (names(tmp_path / "empty"), names(tmp_path / "full")) == (["new"], ["file"])
    assert names(tmp_path) == ["empty", "full"]


def test_a_folder_is_not_made_where_its_disk_is_gone(tmp_path):
    with pytest.raises(FileNotFoundError), new_folder(tmp_path / "mount/runs"):
        pass
    assert names(tmp_path) == []


def test_what_a_killed_process_left_of_a_folder_is_removed(tmp_path):
    (tmp_path / ".a.partial").mkdir()
    (tmp_path / ".a.partial/old").touch()
    with new_folder(tmp_path / "a", alone=True):
        pass
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == []


def write(option, file):
    with blaming(option, file):
        assert not file.exists()


@pytest.mark.parametrize("made", [check_file, write])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path, made):
    os.mkfifo(tmp_path / "pipe")
    for special in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OptionError, match=rf"^--out {special}: it is a device or a pipe; name a file$"):
            made("--out", special)
        assert not special.is_file()
    made("--out", tmp_path / "new.html")


@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_that_has_no_name_of_its_own_is_not_replaced_by_a_file(place):
    said = pytest.raises(OptionError, match=r"^--sheet .*: it cannot be written \(.*\); name another place")
    with said, blaming("--sheet", Path(place)), replacing(Path(place)) as fresh:
        fresh.write_text("x")
    assert not list(Path(place).glob("*.partial"))
