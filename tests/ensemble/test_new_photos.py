from pathlib import Path

import pytest

from common.errors import OptionError
from ensemble.select_and_predict import _predictions, main


@pytest.mark.parametrize(("folder", "why"), [("empty", "no photo in it"), ("nowhere", "no folder")])
def test_photos_that_are_not_there_are_refused_before_a_search_is_looked_for(tmp_path, folder, why):
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=f"--photos.*: {why}"):
        main(["--search", str(tmp_path / "no search"), "--photos", str(tmp_path / folder)])


@pytest.mark.parametrize(
    ("photos", "name"),
    [
        (None, "predictions.csv"),
        ("faces", "predictions-faces.csv"),
        ("faces/", "predictions-faces.csv"),
        ("a/faces.v2", "predictions-faces.v2.csv"),
        ("one.jpg", "predictions-one.jpg.csv"),
        ("a/..", "predictions-here.csv"),
    ],
)
def test_predictions_of_other_photos_have_a_file_of_their_own(tmp_path, monkeypatch, photos, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert _predictions(Path(photos) if photos else None) == name
