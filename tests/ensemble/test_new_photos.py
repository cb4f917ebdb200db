from pathlib import Path

import pytest

from common.errors import MasktuneError
from ensemble.select_and_predict import main


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("empty", "--photos.*: no photo in it"),
        ("nowhere", "--photos.*: no folder"),
        ("list.csv", "list.csv, row 2: path names no photo"),
        ("list.txt", "--photos.*: neither a folder nor a photo"),
    ],
)
def test_photos_that_are_not_there_are_refused_before_a_search_is_looked_for(tmp_path, source, why):
    (tmp_path / "empty").mkdir()
    for name in ("list.csv", "list.txt"):
        (tmp_path / name).write_text("path\ngone.jpg\n")
    with pytest.raises(MasktuneError, match=why):
        main(["--search", str(tmp_path / "no search"), "--photos", str(Path(tmp_path, source))])
