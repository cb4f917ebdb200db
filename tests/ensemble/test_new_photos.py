"""The command on photos of one's own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from common.errors import MasktuneError, OptionError
from data_prep.store.store import Store
from ensemble.select_and_predict import main
from tests.ensemble.searches import searched
from tests.helpers.small_networks import small_networks


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


@pytest.fixture
def search(smallest_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    """A search of two trials, and two folders of one name, with a photo that is none in the first."""
    small_networks(monkeypatch)
    for folder, number in (("a/faces", 3), ("b/faces", 2)):
        Path(folder).mkdir(parents=True)
        rows = smallest_store.rows("eval")[:number]
        for row, photo in zip(rows, smallest_store.read(rows), strict=True):
            Image.fromarray(photo).save(Path(folder, f"{row}.png"))
    Path("a/faces/odd.png").write_bytes(b"no photo")
    return searched(tmp_path / "runs", smallest_store, [None, None])


def test_each_folder_has_its_file_the_same_command_renews_it_and_the_searchs_own_are_left_alone(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--search", str(search), "--tta", "1"])
    own = {name: (search / name).read_bytes() for name in ("predictions.csv", "submission.csv")}
    for _ in range(2):
        for folder in ("a/faces", "b/faces"):
            assert main(["--search", str(search), "--tta", "1", "--photos", folder]) == 0
    made = sorted(search.glob("predictions-faces-*.csv"))
    assert sorted(len(pd.read_csv(file)) for file in made) == [2, 3]
    assert len(list(search.glob("submission-faces-*.csv"))) == 2
    assert {name: (search / name).read_bytes() for name in own} == own
    assert "left out: 1 photo that cannot be used: odd.png (" in capsys.readouterr().out
    for name in own:
        with pytest.raises(OptionError, match="that is the search's own file"):
            main(["--search", str(search), "--photos", "b/faces", "--out", str(search / name)])


def test_a_csv_is_answered_row_by_row_with_every_probability_and_a_class_for_what_is_no_photo(search: Path) -> None:
    names = sorted((file.name for file in Path("a/faces").iterdir()), reverse=True)
    Path("list.csv").write_text("\n".join(["id,ImageID", *(f"{n},{name}" for n, name in enumerate(names))]))
    asked = ["--photos", "list.csv", "--images", "a/faces", "--out", "o.csv", "--probabilities", "p.parquet"]
    assert main(["--search", str(search), "--tta", "1", *asked, "--fallback", "worn female 30-59"]) == 0
    answers, every = pd.read_csv("submission-o.csv"), pd.read_parquet("p.parquet")
    assert list(answers["ImageID"]) == list(every["ImageID"]) == list(pd.read_csv("o.csv")["ImageID"]) == names
    assert answers["ans"][names.index("odd.png")] == 4
    usable = [name != "odd.png" for name in names]
    found = every.drop(columns="ImageID").to_numpy()[usable]
    assert list(answers["ans"][usable]) == list(np.argmax(found, axis=1))
    assert list(every.columns[1:3]) == ["worn male <30", "worn male 30-59"]
    with pytest.raises(OptionError, match="--fallback: a class from 0 to 17, or its name"):
        main(["--search", str(search), "--photos", "list.csv", "--images", "a/faces", "--fallback", "18"])
    with pytest.raises(OptionError, match=r"--out list\.csv: that is what --photos names, and would be lost"):
        main(["--search", str(search), "--photos", "list.csv", "--images", "a/faces", "--out", "list.csv"])
