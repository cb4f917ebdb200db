from pathlib import Path

import pytest

from data_prep.layouts.named import relative_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("a.jpg", "a.jpg"), ("./a.jpg", "a.jpg"), ("sub\\p01.jpg", "sub/p01.jpg"), ("", "")),
        *(("/data/faces/a.jpg", "a.jpg"), ("/data/faces//sub/a.jpg", "sub/a.jpg")),
        *(("/data/faces", "/data/faces"), ("/data/faces2/a.jpg", "/data/faces2/a.jpg"), ("../a.jpg", "../a.jpg")),
    ],
)
def test_whole_paths_and_those_of_windows_are_written_below_the_folder(name, expected):
    assert relative_name(Path("/data/faces"), name) == expected


def test_a_path_below_what_the_folder_is_a_link_to_is_below_it_too(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for name in ("real", "link"):
        assert relative_name(tmp_path / "link", str(tmp_path / name / "a.jpg")) == "a.jpg"
