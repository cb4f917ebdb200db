"""The whole command on a drawn dataset in every layout."""

import numpy as np
import pandas as pd
import pytest

from common.errors import LabelError, StoreError
from data_prep.__main__ import main
from data_prep.labels import MISSING, band_of_range
from data_prep.store.store import Store
from data_prep.task import REFERENCE
from tests.data_prep.drawn_layouts import fairface, imagefolder, manifest, utkface


def prepared(tmp_path, images, labels, *more):
    command = ["--images", images, *(["--labels", labels] if labels else []), "--out", tmp_path / "store", *more]
    main([*map(str, command), "--background", "keep", "--size", "40x30"])
    return Store.open(tmp_path / "store", verify=True)


LABELS = {utkface: "gender age", fairface: "gender age", imagefolder: "mask", manifest: "mask gender age"}


@pytest.mark.parametrize("layout", LABELS, ids=lambda layout: layout.__name__)
def test_every_layout_is_guessed_said_and_prepared(tmp_path, capsys, layout):
    images, labels = layout(tmp_path / "raw")
    store = prepared(tmp_path, images, labels)
    assert f"layout: {layout.__name__}: " in capsys.readouterr().out
    assert {name for name in ("train", "val", "test") if len(store.rows(name))} == {"train", "val", "test"}
    assert store.index.groupby("person")["split"].nunique().max() == 1
    known = {name for name in ("mask", "gender", "age") if store.index[name].notna().any()}
    assert known == set(LABELS[layout].split())


@pytest.mark.parametrize("layout", [utkface, fairface, imagefolder], ids=lambda layout: layout.__name__)
def test_a_label_that_nobody_gave_is_missing_and_no_part_of_the_task(tmp_path, layout):
    store = prepared(tmp_path, *layout(tmp_path / "raw"))
    assert store.task.factors == tuple(LABELS[layout].split()) and store.task != REFERENCE
    assert len(store.labelled("train")) == len(store.rows("train")) > 0
    for name in set(REFERENCE.factors) - set(store.task.factors):
        assert store.index[name].isna().all()


def test_ranges_of_ages_keep_both_ends_and_have_a_band_where_it_is_sure(tmp_path):
    store = prepared(tmp_path, *fairface(tmp_path / "raw"), "--bands", "25,40")
    assert store.bands == (25, 40)
    ranges = store.index["age"]
    assert ranges.str.contains("-").all() and (store.age_max > store.age_min).all()
    band = band_of_range(store.age_min, store.age_max, store.bands)
    assert set(band[ranges == "20-29"]) <= {MISSING} and set(band[ranges == "50-59"]) <= {2}


@pytest.mark.parametrize("name", ["manifest", "utkface"])
def test_a_layout_that_is_named_is_not_guessed(tmp_path, capsys, name):
    images, labels = {"manifest": manifest, "utkface": utkface}[name](tmp_path / "raw")
    prepared(tmp_path, images, labels, "--layout", name)
    assert "layout:" not in capsys.readouterr().out


def test_corrections_are_applied_before_any_class_is_made_and_move_nobody(raw, tmp_path, capsys):
    before = prepared(tmp_path / "before", raw.images, raw.labels)
    table = tmp_path / "mine.csv"
    table.write_text(
        "target,field,value,why\n"
        "000010,gender,female,seen\n"
        "000011/normal,mask,incorrect,swapped\n"
        "000012,age,61,told\n"
        "000013,gender,,not sure\n"
    )
    after = prepared(tmp_path / "after", raw.images, raw.labels, "--corrections", str(table))
    said = capsys.readouterr().out
    assert "000010: gender male -> female in 7 photos (seen)" in said and "passed over: 1" in said
    rows = after.index.set_index("path")
    assert set(rows.loc[rows["person"] == "000010_male_Asian_40", "gender"]) == {"female"}
    assert rows.loc["000011_male_Asian_41/normal.jpg", "mask"] == "incorrect"
    assert set(rows.loc[rows["person"] == "000012_male_Asian_42", "age"]) == {"61"}
    pd.testing.assert_series_equal(after.index["split"], before.index["split"])
    changed = after.classes() != before.classes()
    assert changed.sum() == 7 + 1 + 7 and np.array_equal(after.read([0]), before.read([0]))
    assert after.hash != before.hash


def test_a_correction_that_would_do_nothing_stops_the_command(raw, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("target,field,value,why\n999999,gender,female,typo\n")
    with pytest.raises(LabelError, match=r"mine\.csv, row 2.*999999"):
        prepared(tmp_path, raw.images, raw.labels, "--corrections", str(table))
    assert not (tmp_path / "store").exists()


def test_labels_that_were_corrected_are_another_store(raw, tmp_path):
    prepared(tmp_path, raw.images, raw.labels)
    table = tmp_path / "mine.csv"
    table.write_text("target,field,value,why\n000010,gender,female,seen\n")
    with pytest.raises(StoreError, match="made with other labels: choose another --out"):
        prepared(tmp_path, raw.images, raw.labels, "--corrections", str(table))
