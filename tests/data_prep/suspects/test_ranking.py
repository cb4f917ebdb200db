"""Who is a suspect, and who comes first."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_prep.labels import MISSING
from data_prep.store import store as stores
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence
from data_prep.suspects.ranking import COLUMNS, rank
from data_prep.task import FACTORS
from tests.data_prep.suspects.trials import ranked, rows_of, said, unlabelled
from tests.helpers.relabelled import coloured


def test_a_wrong_gender_ranks_first(tmp_path: Path, small_store: Store) -> None:
    table = ranked(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    first = table.iloc[0]
    assert (first["target"], first["field"], first["label"], first["suggestion"]) == (
        "000002",
        "gender",
        "male",
        "female",
    )
    assert (first["issue"], first["photos"], first["value"], first["rank"]) == (1, 7, "", 1)
    assert re.fullmatch(r"out-of-fold: female 0\.9\d over 7 photos", first["why"])
    assert first["probability_of_label"] == pytest.approx(1 - first["probability_of_suggestion"])


def test_swapped_photos_rank_first_and_together(tmp_path: Path, small_store: Store) -> None:
    (incorrect,), (none,) = (rows_of(small_store, "000004", mask) for mask in (1, 2))
    lone = rows_of(small_store, "000010", 1)[0]
    table = ranked(tmp_path, small_store, {("mask", incorrect): 2, ("mask", none): 1, ("mask", lone): 2})
    pair = table.iloc[:2]
    assert pair["target"].tolist() == ["000004/5.jpg", "000004/6.jpg"]
    assert pair["suggestion"].tolist() == ["none", "incorrect"]
    assert pair["score"].nunique() == 1 and pair["why"].str.contains("swapped").all()
    assert table.iloc[2]["target"] == "000010/5.jpg" and "swapped" not in table.iloc[2]["why"]
    assert table["score"].is_monotonic_increasing


def test_photos_that_are_contradicted_in_one_direction_are_no_swap(tmp_path: Path, small_store: Store) -> None:
    incorrect, none = (rows_of(small_store, "000004", mask)[0] for mask in (1, 2))
    table = ranked(tmp_path, small_store, {("mask", incorrect): 0, ("mask", none): 1})
    assert table["field"].tolist()[:2] == ["mask", "mask"] and not table["why"].str.contains("swapped").any()


def test_a_wrong_age_ranks_first_and_is_suggested_as_a_band(tmp_path: Path, small_store: Store) -> None:
    assert small_store.age_min[rows_of(small_store, "000000")[0]] == 20
    table = ranked(tmp_path, small_store, {("age", row): 2 for row in rows_of(small_store, "000000")})
    first = table.iloc[0]
    assert (first["target"], first["field"], first["label"], first["suggestion"]) == ("000000", "age", "<30", ">=60")
    assert (first["recorded"], first["why"].count(";")) == ("20", 0)


def test_a_band_that_many_of_that_age_are_given_is_no_issue(tmp_path: Path, small_store: Store) -> None:
    at_58 = sorted(set(small_store.person[small_store.age_min == 58]))[:4]
    plant = {("age", row): 2 for person in at_58 for row in rows_of(small_store, person)}
    table = ranked(tmp_path, small_store, {**plant, **{("age", row): 2 for row in rows_of(small_store, "000000")}})
    assert table.iloc[0]["target"] == "000000"
    theirs = table[table["person"].isin(at_58)]
    assert sorted(theirs["person"]) == at_58 and (theirs["issue"] == 0).all()
    assert theirs["why"].str.endswith("common at this age").all()


def test_one_odd_photo_of_seven_makes_nobody_a_suspect(tmp_path: Path, small_store: Store) -> None:
    table = ranked(tmp_path, small_store, {("gender", rows_of(small_store, "000002")[3]): 1})
    assert len(table) == 0
    assert list(table.columns) == list(COLUMNS)


def test_what_has_no_label_is_never_a_suspect(tmp_path: Path) -> None:
    store = unlabelled(tmp_path / "store")
    plant = {(field, row): 1 for field in FACTORS for person in ("p00", "p01") for row in rows_of(store, person)}
    plant |= {("gender", row): 0 for row in rows_of(store, "p01")}
    everything = Evidence(np.arange(len(store)), said(store, np.arange(len(store)), plant), (0.5,), 0, 0, False)
    table = rank(store, everything)
    assert store.mask[rows_of(store, "p01")[0]] == MISSING
    assert set(table["person"]) == {"p01"}
    assert set(table["field"]) == {"gender"} | ({"age"} if store.age_min[3] != 40 else set())


def test_a_field_with_a_single_value_is_passed_over(tmp_path: Path) -> None:
    index = pd.DataFrame(
        {"path": [f"{n}.jpg" for n in range(20)], "person": [f"p{n}" for n in range(20)], "mask": "none"}
    )
    index = index.assign(gender=["male", "female"] * 10, age=40, split="train")
    store = stores.write(tmp_path / "store", coloured((20, 16, 12, 3)), index)
    table = ranked(tmp_path, store, {("gender", 3): 0, ("mask", 4): 1})
    assert table[["target", "field"]].to_numpy().tolist() == [["p3", "gender"]]
