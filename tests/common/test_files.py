import hashlib
import json

import pytest

from common.files import file_sha256, replacing, write_durably, write_json, write_text


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


def test_text_and_json_are_written_whole(tmp_path):
    write_text(tmp_path / "a.txt", "text")
    write_json(tmp_path / "a.json", {"folder": tmp_path})
    assert (tmp_path / "a.txt").read_text() == "text"
    assert json.loads((tmp_path / "a.json").read_text()) == {"folder": str(tmp_path)}
    assert names(tmp_path) == ["a.json", "a.txt"]


def test_what_a_killed_process_left_of_a_durable_file_is_written_over(tmp_path):
    (tmp_path / ".a.bin.partial").write_bytes(b"x" * 100)
    write_durably(tmp_path / "a.bin", [b"one", b"two"])
    assert (tmp_path / "a.bin").read_bytes() == b"onetwo" and names(tmp_path) == ["a.bin"]
    assert file_sha256(tmp_path / "a.bin") == hashlib.sha256(b"onetwo").hexdigest()
