from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.suspects import __main__ as benchmark
from benchmarks.suspects import truth as suspects_truth
from benchmarks.suspects.truth import Ranking, chance, ranking
from common.command_line import exit_code
from data_prep.store.store import Store
from data_prep.suspects.evidence import gather

WRONG_GENDER, SWAPPED = "000002", "000004"


def test_chance_is_that_of_drawing_marked_ones_without_replacement() -> None:
    assert chance(0, 5, 3, 10) == 1
    assert chance(1, 1, 3, 10) == pytest.approx(0.3)
    assert chance(2, 2, 2, 4) == pytest.approx(1 / 6)
    assert chance(3, 2, 5, 10) == 0


def test_hits_and_places_are_those_of_people_in_their_order() -> None:
    found = Ranking(["a", "b", "c", "d"], frozenset("ac") | {"z"}, judged=10)
    assert [found.hits(k) for k in (1, 2, 3, 9)] == [1, 1, 2, 2]
    assert found.places() == [1, 3, None]
    assert found.average_precision() == pytest.approx((1 / 1 + 2 / 3) / 3)


def test_a_ranking_of_people_is_by_their_first_row_of_the_kind() -> None:
    rows = [("x", "age"), ("a", "mask"), ("b", "gender"), ("a", "gender")]
    ranked = pd.DataFrame(rows, columns=["person", "field"])
    truth = pd.DataFrame({"wrong": ["gender", "mask", ""]}, index=["a", "b", "x"])
    assert ranking(ranked, truth, "any") == Ranking(["x", "a", "b"], frozenset("ab"), 3)
    assert ranking(ranked, truth, "gender") == Ranking(["b", "a"], frozenset("a"), 3)
    assert ranking(ranked, truth, "mask swap") == Ranking(["a"], frozenset("b"), 3)


@pytest.fixture
def made(tmp_path: Path, small_store: Store) -> tuple[Path, Path]:
    """A search whose network sees two wrong labels, and a sample whose truth.csv says that they are wrong."""
    truth = small_store.index.rename(columns={"mask": "recorded_mask", "gender": "recorded_gender"})
    truth = truth.assign(mask=truth["recorded_mask"], gender=truth["recorded_gender"], clothing_betrays=0)
    truth.loc[truth["person"] == WRONG_GENDER, "gender"] = "female"
    swap = {"incorrect": "none", "none": "incorrect"}
    swapped = truth["person"] == SWAPPED
    truth.loc[swapped, "mask"] = truth.loc[swapped, "recorded_mask"].replace(swap)
    sample = tmp_path / "sample"
    sample.mkdir()
    truth.to_csv(sample / "truth.csv", index=False)
    search = tmp_path / "s"
    about = {"store": {"path": str(small_store.path), "hash": small_store.hash}, "settings": {"train/folds": 3}}
    for fold in range(3):
        rows = small_store.with_folds(3, fold).rows("val")
        seen = truth.loc[rows]
        mask, gender = (
            seen["mask"].map({"worn": 0, "incorrect": 1, "none": 2}),
            seen["gender"].map({"male": 0, "female": 1}),
        )
        classes = mask * 6 + gender * 3 + small_store.classes()[rows] % 3
        said = np.full((len(rows), 18), 0.1 / 17, np.float32)
        said[np.arange(len(rows)), classes] = 0.9
        (search / f"trial-{fold}").mkdir(parents=True)
        np.savez(
            search / f"trial-{fold}" / "val_predictions.npz", probabilities=said, rows=rows, store_hash=small_store.hash
        )
    (search / "search.json").write_text(json.dumps(about))
    return search, sample


def test_the_mislabelled_are_found_and_placed(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    search, sample = made
    assert benchmark.main(["--search", str(search), "--sample", str(sample)]) == 0
    out = capsys.readouterr().out
    assert "people 48, photos 336, networks 3, folds 3" in out
    assert "| any | 2 | 2 | 2 | 1 | 1 | 0.0417 | 0.000887 |" in out
    assert "| 000002 | gender | 0 | 2 |" in out and "| 000004 | mask | 0 | 1 |" in out


def test_variants_of_the_scoring_are_compared_on_one_search(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    search, sample = made
    assert benchmark.main(["--search", str(search), "--sample", str(sample), "--variants"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert lines[2].startswith("| shipped | 1 | 1 | 1 | nan | 1 |") and len(lines) > 8


def test_wrong_labels_can_be_planted(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    search, sample = made
    assert benchmark.main(["--search", str(search), "--sample", str(sample), "--planted", "2"]) == 0
    out = capsys.readouterr().out
    assert "people 48, N 3, planted, repeats 2" in out and "| shipped | " in out


def test_a_planted_label_is_wrong_in_one_field_and_the_store_stays_as_it_is(
    made: tuple[Path, Path], small_store: Store
) -> None:
    search, sample = made
    before = small_store.index.copy()
    truth, evidence = suspects_truth.photos(sample, small_store), gather(search, small_store)
    (store, wrong), *_ = suspects_truth.plant(small_store, truth, evidence, 3)
    assert sorted(kind for kind in wrong["wrong"] if kind) == ["age", "gender", "mask"]
    right = before.assign(mask=truth["mask"].to_numpy(), gender=truth["gender"].to_numpy())
    for kind in ("age", "gender", "mask"):
        changed = (store.index[kind] != right[kind]) & store.index[kind].notna() & right[kind].notna()
        assert set(store.person[changed]) == set(wrong.index[wrong["wrong"] == kind])
    assert small_store.index.equals(before)


def test_a_sample_of_other_photos_is_refused(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    search, sample = made
    (sample / "truth.csv").write_text("path,mask\na,b\n")
    assert exit_code(lambda: benchmark.main(["--search", str(search), "--sample", str(sample)])) == 2
    err = capsys.readouterr().err
    assert "truth.csv is not the truth about" in err and err.count("\n") == 1
