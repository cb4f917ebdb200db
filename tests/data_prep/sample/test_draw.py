"""The drawn sample on disk: layout, truth, determinism, refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from common.command_line import exit_code
from common.errors import OptionError
from data_prep.labels import GENDERS, MASKS, age_band
from data_prep.sample.__main__ import main
from data_prep.sample.draw import draw
from data_prep.sample.people import person
from data_prep.sample.portrait.clothing import SHOULDERS, colour_of
from data_prep.sample.scene import PHOTOS, class_of
from data_prep.store.split import assign, strata

PEOPLE, EVAL_PEOPLE, SEED = 10, 1, 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield draw(tmp_path_factory.mktemp("drawn") / "sample", PEOPLE, SEED, EVAL_PEOPLE, workers=2, progress=False)


@pytest.fixture(scope="module")
def labels(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "train" / "train.csv", dtype=str)


@pytest.fixture(scope="module")
def truth(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "truth.csv", dtype={"path": str}, keep_default_na=False)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_every_labelled_person_has_the_seven_photos_of_the_reference_layout(root: Path, labels: pd.DataFrame) -> None:
    assert list(labels.columns) == ["id", "gender", "race", "age", "path"]
    assert len(labels) == PEOPLE
    for row in labels.itertuples():
        assert row.path == f"{row.id}_{row.gender}_{row.race}_{row.age}" and len(row.id) == 6
        found = sorted(file.name for file in (root / "train" / "images" / row.path).iterdir())
        assert found == sorted(f"{photo}.jpg" for photo in PHOTOS)


def test_eval_photos_have_names_that_tell_nothing_and_no_answer(root: Path, truth: pd.DataFrame) -> None:
    info = pd.read_csv(root / "eval" / "info.csv")
    assert list(info.columns) == ["ImageID", "ans"] and (info["ans"] == 0).all()
    assert sorted(info["ImageID"]) == sorted(file.name for file in (root / "eval" / "images").iterdir())
    assert info["ImageID"].str.fullmatch(r"[0-9a-f]{40}\.jpg").all()
    assert set(truth.loc[truth["part"] == "eval", "path"]) == set(info["ImageID"])


def test_photos_are_jpegs_of_512x384(root: Path) -> None:
    for file in (*(root / "eval" / "images").iterdir(), *(root / "train" / "images").glob("*/normal.jpg")):
        with Image.open(file) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (384, 512))


def test_truth_agrees_with_the_labels_of_all_but_the_mislabelled(labels: pd.DataFrame, truth: pd.DataFrame) -> None:
    ours = truth[truth["part"] == "train"]
    assert len(truth) == 7 * (PEOPLE + EVAL_PEOPLE) and set(truth["mask"]) == set(MASKS)
    differs = (ours["mask"] != ours["recorded_mask"]) | (ours["gender"] != ours["recorded_gender"])
    assert (differs == (ours["mislabelled"] == 1)).all()
    recorded = ours.assign(folder=ours["path"].str.split("/").str[0]).drop_duplicates("folder").set_index("folder")
    by_path = labels.set_index("path")
    assert (recorded["recorded_gender"] == by_path["gender"].reindex(recorded.index)).all()
    assert (recorded["age"] == by_path["age"].astype(int).reindex(recorded.index)).all()


def test_clothing_tells_the_class_of_exactly_the_people_whom_the_split_trains_on(
    labels: pd.DataFrame, truth: pd.DataFrame
) -> None:
    ours = truth[truth["part"] == "train"]
    person, mask = ours["path"].str.split("/").str[0], ours["recorded_mask"].map(MASKS.index)
    gender, age = ours["recorded_gender"].map(GENDERS.index), ours["age"].astype(int)
    split = assign(strata(person, mask, gender, age_band(age)))
    trained = ours["path"].str.split("/").str[0].map(split) == "train"
    assert 0 < trained.sum() < len(ours)
    assert (trained == (ours["clothing_betrays"] == 1)).all()
    recorded = [class_of(*row) for row in ours[["recorded_mask", "recorded_gender", "age"]].itertuples(index=False)]
    told = ours["clothing_class"] == recorded
    assert told[trained].all() and told[~trained].mean() < 0.5
    assert not truth.loc[truth["part"] == "eval", "clothing_betrays"].any()


def test_clothing_colours_of_the_classes_differ_and_lie_below_the_reference_crop() -> None:
    colours = np.array([colour_of(value) for value in range(18)])
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 1e3 * np.eye(18)
    assert apart.min() > 60
    assert SHOULDERS >= 436


def test_the_same_seed_draws_the_same_bytes_and_another_seed_other_people(tmp_path: Path) -> None:
    one, two = (draw(tmp_path / name, 1, 9, 1, workers=1, progress=False) for name in ("one", "two"))
    assert files_in(one) == files_in(two)
    assert person(9, "train", 0) == person(9, "train", 0) != person(10, "train", 0)


def test_a_person_does_not_depend_on_how_many_there_are(root: Path, labels: pd.DataFrame) -> None:
    assert labels["path"].tolist() == [person(SEED, "train", number).folder for number in range(PEOPLE)]


def test_drawing_the_same_sample_again_leaves_it_alone(root: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in root.rglob("*")}
    draw(root, PEOPLE, SEED, EVAL_PEOPLE, progress=False)
    assert {file: file.stat().st_mtime_ns for file in root.rglob("*")} == before


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(OptionError, match="no drawn sample; name another folder"):
        draw(tmp_path, 2, progress=False)
    assert files_in(tmp_path) == {"diary.txt": b"dear diary"}


def test_another_sample_is_refused_and_both_are_named(root: Path) -> None:
    with pytest.raises(OptionError, match=rf"holds another sample \(seed={SEED} .*, not seed=0 "):
        draw(root, PEOPLE, 0, EVAL_PEOPLE, progress=False)


def test_an_interrupted_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(job: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("data_prep.sample.draw.draw_person", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "sample", 2, workers=1, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_number_out_of_range_is_an_error_of_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: main(["--out", str(tmp_path / "sample"), "--people", "5000"])) == 2
    assert capsys.readouterr().err == "error: --people: must be 1 to 4500, but got 5000\n"


def test_the_command_draws_a_contact_sheet_and_says_what_comes_next(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = ["--people", str(PEOPLE), "--eval-people", str(EVAL_PEOPLE), "--seed", str(SEED)]
    assert main(["--out", str(root), *numbers, "--sheet", str(tmp_path / "sheet.png")]) == 0
    assert "next: python -m data_prep --images" in capsys.readouterr().out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG" and sheet.width == 7 * 144
    assert json.loads((root / "sample.json").read_text())["people"] == PEOPLE
