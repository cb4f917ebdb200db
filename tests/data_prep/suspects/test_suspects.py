from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.command_line import exit_code
from common.errors import SearchError
from data_prep import corrections
from data_prep.labels import MISSING
from data_prep.store import store as stores
from data_prep.store.store import Store
from data_prep.suspects.__main__ import main
from data_prep.suspects.evidence import Evidence, gather
from data_prep.suspects.ranking import COLUMNS, rank
from data_prep.suspects.sheet import MAX_PHOTOS, page
from data_prep.task import FACTORS, REFERENCE
from tests.relabelled import coloured

FOLDS = 4
SIZES = {"mask": 3, "gender": 2, "age": 3}

Plant = dict[tuple[str, int], int]
"""(field, row of the store) -> the value that networks see there, whatever the label says."""


def said(store: Store, rows: np.ndarray, plant: Plant, seed: int = 0) -> np.ndarray:
    """Softmax [n, 18] of a network that is right, about 0.97 sure and a little noisy, but for what is planted."""
    rng = np.random.default_rng(seed)
    truth = store.task.split(np.maximum(store.classes(), 0))
    parts = []
    for field, size in SIZES.items():
        value = np.array([plant.get((field, int(row)), truth[field][row]) for row in rows])
        part = np.exp(4 * np.eye(size)[value] + rng.normal(0, 0.5, (len(rows), size)))
        parts.append(part / part.sum(axis=1, keepdims=True))
    joint = parts[0][:, :, None, None] * parts[1][:, None, :, None] * parts[2][:, None, None, :]
    return joint.reshape(len(rows), 18).astype(np.float32)


def save(
    folder: Path, store: Store, rows: np.ndarray, plant: Plant | None = None, seed: int = 0, **changes: object
) -> None:
    """What a trial leaves."""
    folder.mkdir(parents=True)
    fields = {"probabilities": said(store, rows, plant or {}, seed), "rows": rows, "store_hash": store.hash}
    np.savez(folder / "val_predictions.npz", **{**fields, "epoch": 1, "val_f1": 0.5, **changes})


def describe(folder: Path, store: Store, **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = {"state": "finished", "store": {"path": str(store.path), "hash": store.hash}, "settings": {}, **more}
    (folder / "search.json").write_text(json.dumps(about))


def search(runs: Path, store: Store, plant: Plant | None = None, folds: int = FOLDS) -> Path:
    """runs/s with one trial, and its confirmation on folds."""
    describe(runs / "s", store)
    if len(val := store.rows("val")):
        save(runs / "s" / "trial-001", store, val, plant)
    if folds:
        describe(runs / "s" / "confirm", store, settings={"train/folds": folds})
        for fold in range(folds):
            rows = store.with_folds(folds, fold).labelled("val")
            save(runs / "s" / "confirm" / f"trial-{fold + 1:03d}", store, rows, plant, seed=fold)
    return runs / "s"


def ranked(runs: Path, store: Store, plant: Plant) -> pd.DataFrame:
    return rank(store, gather(search(runs, store, plant), store))


def rows_of(store: Store, person: str, mask: int | None = None) -> list[int]:
    theirs = np.flatnonzero(store.person == person)
    return [int(row) for row in theirs if mask is None or store.mask[row] == mask]


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


def unlabelled(folder: Path) -> Store:
    """24 people of three photos; of the first person nothing is known, of the second no mask."""
    people = [(f"p{number:02d}", ("male", "female")[number % 2], (20, 40, 61)[number % 3]) for number in range(24)]
    rows = [
        {"path": f"{person}/{mask}.jpg", "person": person, "mask": mask, "gender": gender, "age": age, "split": "train"}
        for person, gender, age in people
        for mask in ("worn", "incorrect", "none")
    ]
    index = pd.DataFrame(rows).astype(object)
    index.loc[index["person"] == "p00", ["mask", "gender", "age"]] = None
    index.loc[index["person"] == "p01", "mask"] = None
    return stores.write(folder, coloured((len(rows), 16, 12, 3)), index)


def test_what_has_no_label_is_never_a_suspect(tmp_path: Path) -> None:
    store = unlabelled(tmp_path / "store")
    plant = {(field, row): 1 for field in FACTORS for person in ("p00", "p01") for row in rows_of(store, person)}
    plant |= {("gender", row): 0 for row in rows_of(store, "p01")}
    everything = Evidence(np.arange(len(store)), said(store, np.arange(len(store)), plant), (0.5,), 0, 0, False)
    table = rank(store, everything)
    assert store.mask[rows_of(store, "p01")[0]] == MISSING
    assert set(table["person"]) == {"p01"}
    assert set(table["field"]) == {"gender"} | ({"age"} if store.age_min[3] != 40 else set())


def test_photos_that_are_not_fully_labelled_are_in_nobodys_val(tmp_path: Path) -> None:
    store = unlabelled(tmp_path / "store")
    found = gather(search(tmp_path, store), store)
    assert set(store.person) - set(store.person[found.rows]) == {"p00", "p01"} and found.missing == 0


def test_a_field_with_a_single_value_is_passed_over(tmp_path: Path) -> None:
    index = pd.DataFrame(
        {"path": [f"{n}.jpg" for n in range(20)], "person": [f"p{n}" for n in range(20)], "mask": "none"}
    )
    index = index.assign(gender=["male", "female"] * 10, age=40, split="train")
    store = stores.write(tmp_path / "store", coloured((20, 16, 12, 3)), index)
    table = ranked(tmp_path, store, {("gender", 3): 0, ("mask", 4): 1})
    assert table[["target", "field"]].to_numpy().tolist() == [["p3", "gender"]]


def test_folds_judge_everybody_and_each_by_the_one_network_that_had_not_seen_them(
    tmp_path: Path, small_store: Store
) -> None:
    folder = search(tmp_path, small_store)
    found = gather(folder, small_store)
    everybody = np.sort(np.concatenate([small_store.rows("train"), small_store.rows("val")]))
    assert np.array_equal(found.rows, everybody)
    assert (found.scores, found.folds, found.missing, found.running) == ((0.5,) * 4, 4, 0, False)
    for fold in range(FOLDS):
        rows = small_store.with_folds(FOLDS, fold).rows("val")
        places = np.searchsorted(found.rows, rows)
        assert np.allclose(found.probabilities[places], said(small_store, rows, {}, seed=fold))


def test_networks_of_one_photo_are_averaged(tmp_path: Path, small_store: Store) -> None:
    folder = search(tmp_path, small_store, folds=0)
    rows = small_store.rows("val")
    save(folder / "trial-002", small_store, rows, seed=7)
    found = gather(folder, small_store)
    assert np.allclose(found.probabilities, (said(small_store, rows, {}) + said(small_store, rows, {}, seed=7)) / 2)
    assert (found.scores, found.folds, found.missing) == ((0.5, 0.5), 0, 36)


def test_a_confirmation_with_seeds_or_without_predictions_is_not_one_on_folds(
    tmp_path: Path, small_store: Store
) -> None:
    folder = search(tmp_path, small_store, folds=0)
    describe(folder / "confirm", small_store)
    save(folder / "confirm" / "trial-001", small_store, small_store.rows("val"))
    describe(folder / "confirm-2", small_store, settings={"train/folds": 2})
    found = gather(folder, small_store)
    assert (len(found.scores), found.folds) == (1, 0)
    for fold in range(2):
        save(folder / "confirm-2" / f"trial-{fold}", small_store, small_store.with_folds(2, fold).rows("val"))
    found = gather(folder, small_store)
    assert (len(found.scores), found.folds) == (2, 2)


def test_a_trial_that_is_of_no_fold_is_refused(tmp_path: Path, small_store: Store) -> None:
    folder = search(tmp_path, small_store)
    save(folder / "confirm" / "trial-009", small_store, small_store.rows("val"))
    with pytest.raises(SearchError, match=r"trial-009/val_predictions\.npz is not of one of the 4 folds"):
        gather(folder, small_store)


def test_a_trial_of_other_photos_than_val_is_refused(tmp_path: Path, small_store: Store) -> None:
    folder = search(tmp_path, small_store, folds=0)
    save(folder / "trial-002", small_store, small_store.rows("train"))
    with pytest.raises(SearchError, match="is not of the store's val, so it may be of photos trained on"):
        gather(folder, small_store)


def test_marginals_sum_the_other_two_fields_out() -> None:
    each = np.arange(18) / np.arange(18).sum()
    assert REFERENCE.marginal(each, "mask")[0] == pytest.approx([each[:6].sum(), each[6:12].sum(), each[12:].sum()])
    assert REFERENCE.marginal(each, "gender")[0, 1] == pytest.approx(
        sum(each[m * 6 + 3 + b] for m in range(3) for b in range(3))
    )
    assert REFERENCE.marginal(each, "age")[0, 2] == pytest.approx(each[2::3].sum())


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = exit_code(lambda: main([str(argument) for argument in arguments]))
        return code, *capsys.readouterr()

    return run


def test_the_list_is_a_corrections_file_with_nothing_decided(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    assert run("--search", folder)[0] == 0
    table = pd.read_csv(folder / "suspects.csv", dtype={"target": str, "person": str})
    assert list(table.columns) == list(COLUMNS)
    assert table["value"].isna().all() and table["target"][0] == "000002"
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    first, *_ = corrections.read([str(folder / "suspects.csv")])
    assert (first.target, first.field, first.value, first.why) == ("000002", "gender", "", table["why"][0])
    assert not list(folder.glob(".*"))


def test_the_summary_says_who_judged_whom_and_what_to_type_next(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    code, out, _ = run("--search", folder, "--out", tmp_path / "list.csv")
    assert code == 0
    assert "336 photos of 48 people, judged by 4 networks on 4 folds" in out
    assert re.search(r"^gender +1 +1$", out, re.MULTILINE)
    assert re.search(r"^1 +000002 +gender +male +out-of-fold: female 0\.\d\d over 7 photos$", out, re.MULTILINE)
    assert f"--corrections {tmp_path / 'list.csv'}" in out


def test_without_folds_it_says_that_only_val_is_judged_and_how_to_judge_everybody(
    tmp_path: Path, small_store: Store, run
) -> None:
    folder = search(tmp_path, small_store, folds=0)
    code, out, _ = run("--search", folder)
    assert code == 0
    assert "84 photos of 12 people, judged by 1 network on the search's own val" in out
    assert "Only val people are judged" in out
    assert f"python tune_main.py --resume {folder} --confirm 1 --folds 5" in out
    assert "No label is contradicted." in out and "--corrections" not in out


def test_folds_that_are_missing_or_still_training_are_said(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store)
    describe(folder / "confirm", small_store, settings={"train/folds": FOLDS}, state="running")
    (folder / "confirm" / "trial-002" / "val_predictions.npz").unlink()
    _, out, _ = run("--search", folder)
    assert "still training" in out and "12 people are not judged: not every fold has a network yet" in out


def test_what_somebody_filled_in_is_never_overwritten(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    assert run("--search", folder)[0] == run("--search", folder)[0] == 0
    file = folder / "suspects.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table.assign(value="female").to_csv(file, index=False)
    before = file.read_text()
    code, _, err = run("--search", folder)
    assert (code, err.count("\n")) == (2, 1) and "1 values were filled in there" in err
    assert file.read_text() == before


def test_the_page_shows_every_photo_of_a_suspect_and_outlines_those_in_question(
    tmp_path: Path, small_store: Store, run
) -> None:
    incorrect, none = (rows_of(small_store, "000004", mask)[0] for mask in (1, 2))
    plant = {
        ("mask", incorrect): 2,
        ("mask", none): 1,
        **{("gender", row): 1 for row in rows_of(small_store, "000002")},
    }
    folder = search(tmp_path, small_store, plant)
    assert run("--search", folder, "--sheet", tmp_path / "page.html")[0] == 0
    html = (tmp_path / "page.html").read_text()
    assert html.count("<article>") == 2  # the two that were swapped are one
    assert html.count("<img ") == html.count("data:image/jpeg;base64,") == 14
    assert html.count('<figure class="suspect">') == 2
    assert "http" not in html
    assert run("--search", folder, "--sheet", tmp_path / "page.html", "--top", "2")[0] == 0
    assert (tmp_path / "page.html").read_text().count("<img ") == 7


def test_the_page_escapes_names() -> None:
    store, evidence, suspects = _somebody_called("<b>")
    html = page(store, evidence, suspects, "a & b")
    assert "<b>" not in html and "&lt;b&gt;" in html and "a &amp; b" in html


def test_a_person_of_very_many_photos_is_cut_short() -> None:
    store, evidence, suspects = _somebody_called("album", photos=MAX_PHOTOS + 5)
    html = page(store, evidence, suspects, "")
    assert html.count("<img ") == MAX_PHOTOS and "and 5 more" in html


def _somebody_called(name: str, photos: int = 2) -> tuple[Store, Evidence, pd.DataFrame]:
    index = pd.DataFrame({"path": [f"{name}/{n}.jpg" for n in range(photos)], "person": name, "mask": "none"})
    index = index.assign(gender="male", age=40, split="train")
    store = stores.write(Path("store"), coloured((photos, 16, 12, 3)), index)
    evidence = Evidence(np.arange(photos), np.full((photos, 18), 1 / 18), (0.5,), 2, 0, False)
    row = {
        "rank": 1, "target": name, "field": "gender", "value": "", "suggestion": "female", "label": "male", "why": name,
        "probability_of_label": 0.1, "probability_of_suggestion": 0.9, "score": 0.1, "issue": 1, "photos": photos,
        "person": name, "recorded": "male",
    }  # fmt: skip
    return store, evidence, pd.DataFrame([row])


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "search.json").unlink(), r"no search is there \(no search.json\)"),
        (lambda folder: (folder / "search.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "search.json").write_text("[]"), "is no JSON object"),
        (lambda folder: (folder / "search.json").write_text("{}"), "names no store"),
        (lambda folder: _edit(folder, path="/nowhere/store"), "/nowhere/store does not exist"),
        (lambda folder: _edit(folder, hash="other"), "is not the store that the search began with"),
        (lambda folder: _predictions(folder).unlink(), "no trial that finished an epoch"),
        (lambda folder: _predictions(folder).write_bytes(b""), "is damaged"),
        (lambda folder: _predictions(folder).write_bytes(b"PK\x03\x04 cut short"), "is damaged"),
        (lambda folder: _change(folder, probabilities=np.full((84, 18), np.nan, np.float32)), "not all .* are numbers"),
        (lambda folder: _change(folder, probabilities=np.zeros((84, 3), np.float32)), r"probabilities \[84, 18\]"),
        (lambda folder: _change(folder, store_hash="other"), "made on another store"),
        (lambda folder: (folder / "suspects.html").mkdir(), "that is a folder"),
        (lambda folder: (folder / "suspects.csv").write_text("path,gender\na,male\n"), "no list of suspects"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(tmp_path: Path, small_store: Store, run, break_it, message: str) -> None:
    folder = search(tmp_path, small_store, folds=0)
    break_it(folder)
    code, _, err = run("--search", folder)
    assert code == 2
    assert err.startswith("error: ") and err.count("\n") == 1
    assert re.search(message, err)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, small_store: Store, run) -> None:
    assert "no search is there" in run("--search", tmp_path / "nothing")[2]
    folder = search(tmp_path, small_store, folds=0)
    assert "does not exist; make it first" in run("--search", folder, "--out", tmp_path / "no" / "s.csv")[2]


@pytest.mark.parametrize("top", ["0", "-1", "many"])
def test_top_is_at_least_one(top: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: main(["--search", "s", "--top", top])) == 2
    assert f"--top: a whole number of at least 1 is needed, but got '{top}'" in capsys.readouterr().err


def _predictions(folder: Path) -> Path:
    return folder / "trial-001" / "val_predictions.npz"


def _change(folder: Path, **changes: object) -> None:
    with np.load(_predictions(folder)) as saved:
        fields = dict(saved)
    np.savez(_predictions(folder), **{**fields, **changes})


def _edit(folder: Path, **changes: str) -> None:
    about = json.loads((folder / "search.json").read_text())
    (folder / "search.json").write_text(json.dumps({**about, "store": {**about["store"], **changes}}))
