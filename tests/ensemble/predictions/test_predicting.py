"""What becomes of photos, also of a command that is cut off and of photos that are none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest

from common.errors import OptionError, PhotoError
from data_prep.prepare.like import Treatment
from data_prep.prepare.new_photos import new_photos
from data_prep.store.store import Store
from ensemble.predictions.predicting import predict_photos
from ensemble.predictions.sources import Answer, FilesSource, StoreSource
from ensemble.predictions.tables import Outputs
from ensemble.voting.ensemble import Ensemble
from tests.ensemble.predictions.conftest import PART
from tests.ensemble.predictions.ensembles import ensemble, predictor


@dataclass(frozen=True)
class Watched:
    """A source that remembers which parts were asked for, and is interrupted after so many."""

    source: FilesSource
    most: int = 99
    asked: list[slice] = field(default_factory=list)

    @property
    def names(self) -> Sequence[str]:
        return self.source.names

    def state(self, position: int) -> object:
        return self.source.state(position)

    def answers(self, ensemble: Ensemble, parts: Sequence[slice], cores: int | None = None) -> Iterator[Answer]:
        for part, answer in zip(parts, self.source.answers(ensemble, parts, cores), strict=True):
            if len(self.asked) == self.most:
                raise KeyboardInterrupt
            self.asked.append(part)
            yield answer


def run(store: Store, source: object, out: Path, **options: object) -> list[str]:
    """Predict into `out`, with the probabilities beside it; what was said."""
    said: list[str] = []
    made = predictor(store, key=str(options.pop("key", "two small networks")))
    outputs = Outputs.of(out, made.meaning, out.with_suffix(".parquet"))
    predict_photos(made, source, outputs, progress=False, say=said.append, **options)
    return said


def test_photos_are_predicted_as_the_ensemble_does_in_the_order_of_their_names(
    small_store: Store, source: FilesSource, tmp_path: Path
) -> None:
    said = run(small_store, source, tmp_path / "predictions-mine.csv")
    rows = small_store.rows("eval")
    expected = ensemble(small_store).predict_photos(small_store.read(rows))
    found = pd.read_parquet(tmp_path / "predictions-mine.parquet")
    assert list(found["ImageID"]) == source.names
    assert found.drop(columns="ImageID").to_numpy() == pytest.approx(expected, abs=2e-3)
    submission = pd.read_csv(tmp_path / "submission-mine.csv")
    assert list(submission["ans"]) == list(found.drop(columns="ImageID").to_numpy().argmax(axis=1))
    assert f"10 photos predicted: {tmp_path}/predictions-mine.csv" in said
    assert {file.name for file in tmp_path.iterdir()} == {
        *("photos", "predictions-mine.csv", "submission-mine.csv", "predictions-mine.parquet")
    }


def test_a_command_that_was_cut_off_goes_on_where_it_was_and_ends_as_if_it_had_not_been(
    small_store: Store, source: FilesSource, tmp_path: Path
) -> None:
    run(small_store, source, tmp_path / "whole.csv")
    with pytest.raises(KeyboardInterrupt):
        run(small_store, Watched(source, most=2), tmp_path / "cut.csv")
    assert not (tmp_path / "cut.csv").exists()
    again = Watched(source)
    assert "going on: 8 of 10 photos are predicted already" in run(small_store, again, tmp_path / "cut.csv")
    assert again.asked == [slice(8, 10)]
    for name in ("whole.csv", "submission-whole.csv", "whole.parquet"):
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("whole", "cut")).read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("change", ["photo", "models", "treatment", "damaged"])
def test_what_was_made_of_something_else_or_is_damaged_is_made_again(
    small_store: Store, source: FilesSource, tmp_path: Path, change: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(small_store, Watched(source, most=2), tmp_path / "out.csv")
    key, treatment = "two small networks", source.treatment
    if change == "photo":
        os.utime(source.photos.photos[0].file, ns=(1, 1))
    elif change == "models":
        key = "others"
    elif change == "treatment":
        treatment = replace(treatment, size=(40, 30))
    else:
        first, _ = sorted((tmp_path / ".out.csv.parts").glob("*.npz"))
        first.write_bytes(first.read_bytes()[:-40])
    again = Watched(replace(source, treatment=treatment))
    run(small_store, again, tmp_path / "out.csv", key=key)
    assert len(again.asked) == (2 if change in ("photo", "damaged") else 3)
    assert len(pd.read_csv(tmp_path / "out.csv")) == 10


def test_a_photo_that_cannot_be_used_is_named_and_the_rest_goes_on(
    small_store: Store, photos: Path, tmp_path: Path
) -> None:
    (photos / "eval3.jpg.png").write_bytes(b"no photo")
    source = FilesSource(new_photos(photos), Treatment.of_store(small_store))
    said = run(small_store, source, tmp_path / "out.csv")
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(pd.read_parquet(tmp_path / "out.parquet")) == 9
    [line] = [line for line in said if line.startswith("left out")]
    assert "1 photo that cannot be used: eval3.jpg.png (" in line and "--fallback CLASS" in line


def test_a_photo_that_cannot_be_used_gets_a_class_where_that_is_asked_for(
    small_store: Store, photos: Path, tmp_path: Path
) -> None:
    (photos / "eval3.jpg.png").write_bytes(b"no photo")
    source = FilesSource(new_photos(photos), Treatment.of_store(small_store))
    said = run(small_store, source, tmp_path / "out.csv", fallback=17)
    assert pd.read_csv(tmp_path / "submission-out.csv")["ans"][3] == 17
    row = pd.read_csv(tmp_path / "out.csv").iloc[3]
    assert list(row[["ImageID", "mask", "gender", "age"]]) == ["eval3.jpg.png", "none", "female", ">=60"]
    assert np.isnan(row["probability"])
    assert pd.read_parquet(tmp_path / "out.parquet").drop(columns="ImageID").iloc[3].isna().all()
    assert any(line.startswith("--fallback: 1 photo that cannot be used, given class 17, none f") for line in said)


def test_where_no_photo_can_be_used_nothing_is_written(small_store: Store, photos: Path, tmp_path: Path) -> None:
    for file in photos.iterdir():
        file.write_bytes(b"no photo")
    source = FilesSource(new_photos(photos), Treatment.of_store(small_store))
    with pytest.raises(PhotoError, match=r"nothing to predict: 10 photos cannot be used, e.g. eval0.jpg.png \("):
        run(small_store, source, tmp_path / "out.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["photos"]
    run(small_store, source, tmp_path / "out.csv", fallback=0)
    assert (pd.read_csv(tmp_path / "submission-out.csv")["ans"] == 0).all()


def test_two_processes_do_not_predict_into_one_file(small_store: Store, source: FilesSource, tmp_path: Path) -> None:
    (tmp_path / ".out.csv.parts").mkdir()
    with filelock.FileLock(tmp_path / ".out.csv.parts/lock"), pytest.raises(OptionError, match="another process"):
        run(small_store, source, tmp_path / "out.csv")


def test_a_stores_photos_come_in_their_order_with_those_that_it_had_to_leave_out(
    small_store: Store, tmp_path: Path
) -> None:
    store = Store.open(small_store.path)
    store.meta["left_out"] = [
        {"path": "person/normal.jpg", "why": "cut short"},
        {"path": "last.jpg", "why": "cut short", "eval": 11},
        {"path": "second.jpg", "why": "no photo", "eval": 1},
    ]
    names = [f"eval{number}.jpg" for number in range(10)]
    source = StoreSource(store)
    assert source.names == [names[0], "second.jpg", *names[1:], "last.jpg"]
    run(store, source, tmp_path / "out.csv", fallback=5)
    table = pd.read_csv(tmp_path / "submission-out.csv")
    assert list(table["ImageID"]) == source.names
    assert list(table["ans"][[1, 11]]) == [5, 5]
    run(store, source, tmp_path / "without.csv")
    rest = pd.read_csv(tmp_path / "submission-without.csv")
    assert rest.equals(table.drop(index=[1, 11]).reset_index(drop=True))
    assert len(source.names) > 2 * PART
