import json
import shutil

import numpy as np
import pytest
from PIL import Image

from common.errors import LabelError, OptionError, PhotoError, StoreError
from data_prep.labels import GENDERS, MASKS, age_band
from data_prep.photos.background import Background
from data_prep.prepare import parts
from data_prep.store.split import assign, strata
from data_prep.store.store import Store

PERSON = "000010_male_Asian_40"


def contents(store):
    return {file.name: file.read_bytes() for file in store.path.iterdir()}


def broken(raw, name):
    """Cuts the photo's file short."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).save(raw.images / name)
    (raw.images / name).write_bytes((raw.images / name).read_bytes()[:-200])


def test_a_store_holds_every_photo_with_its_labels(make):
    store = make()
    assert len(store) == 73 and store.size == store.source_size == (40, 30)
    assert store.meta["counts"]["people"] == 10 and store.meta["left_out"] == []
    row = store.index[store.index["path"] == f"{PERSON}/mask2.jpg"]
    assert row.iloc[0].to_dict() | {"split": ""} == {
        "path": f"{PERSON}/mask2.jpg", "person": PERSON, "mask": "worn", "gender": "male", "age": "40", "split": "",
    }  # fmt: skip
    pixel = store.read(row.index)[0, 20, 15].astype(int)
    assert abs(pixel - (45, 35, 200)).max() <= 3


def test_photos_to_predict_come_last_in_their_own_order(make):
    store = make()
    assert list(store.index["path"].iloc[-3:]) == ["b.jpg", "a.jpg", "c.png"]
    assert list(store.rows("eval")) == [70, 71, 72] and set(store.classes()[70:]) == {-1}
    assert store.read([71])[0, 0, 0].tolist() == pytest.approx([200, 10, 0], abs=3)


def test_nobody_is_in_two_splits_and_the_splits_are_those_of_assign(make, raw):
    index = make().index.iloc[:70]
    assert (index.groupby("person")["split"].nunique() == 1).all()
    people = index.drop_duplicates("person").set_index("person")
    gender, band = people["gender"].map(GENDERS.index), age_band(people["age"].astype(int))
    expected = assign(
        strata(index["person"], index["mask"].map(MASKS.index), *(np.repeat(v, 7) for v in (gender, band)))
    )
    assert people["split"].to_dict() == expected.to_dict()
    assert set(people["split"]) == {"train", "val", "test"}


def test_one_id_of_two_people_is_two_people(make):
    people = set(make().person)
    assert {"003397_female_Asian_60", "003397_male_Asian_60", "000000-1_female_Asian_20"} <= people


def test_the_same_photos_make_the_same_bytes_wherever_they_lie_and_however_many_work(make, raw, tmp_path):
    first = make("first", workers=1, max_left_out=1.0)
    shutil.move(raw.root, tmp_path / "moved")
    raw.root = tmp_path / "moved"
    second = make("elsewhere/second", workers=3)
    assert contents(first) == contents(second)
    assert str(tmp_path) not in (second.path / "store.json").read_text()


def test_a_photo_left_out_is_named_the_same_wherever_it_lies(make, raw, tmp_path):
    broken(raw, f"{PERSON}/normal.jpg")
    store = make(max_left_out=0.1)
    assert [photo["path"] for photo in store.meta["left_out"]] == [f"{PERSON}/normal.jpg"]
    assert "truncated" in store.meta["left_out"][0]["why"]
    assert str(tmp_path) not in (store.path / "store.json").read_text()
    assert len(store) == 72 and f"{PERSON}/normal.jpg" not in set(store.index["path"])
    assert PERSON in set(store.person)


def test_a_photo_to_predict_that_is_left_out_keeps_its_place_in_info_csv(make, raw):
    (raw.eval / "images" / "a.jpg").write_bytes(b"no photo")
    broken(raw, f"{PERSON}/normal.jpg")
    store = make(max_left_out=0.1)
    assert [(photo["path"], photo.get("eval")) for photo in store.meta["left_out"]] == [
        (f"{PERSON}/normal.jpg", None),
        ("a.jpg", 1),
    ]
    assert list(store.index["path"][store.rows("eval")]) == ["b.jpg", "c.png"]


def test_leaving_a_photo_out_moves_nobody_to_another_split(make, raw):
    before = make("before").index.set_index("path")["split"]
    for kind in ("normal", "incorrect_mask", *(f"mask{i}" for i in range(1, 6))):
        broken(raw, f"{PERSON}/{kind}.jpg")
    after = make("after", max_left_out=0.2).index.set_index("path")["split"]
    assert len(after) == 66 and not any(path.startswith(PERSON) for path in after.index)
    assert (before[after.index] == after).all()


def test_too_many_unusable_photos_stop_the_run_and_leave_no_store(make, raw, tmp_path):
    for kind in ("normal", "mask1"):
        broken(raw, f"{PERSON}/{kind}.jpg")
    with pytest.raises(PhotoError, match=rf"1 of 73 .* 1\.0% .*{PERSON}/mask1\.jpg \(.*truncated.*--allow-left-out"):
        make()
    with pytest.raises(PhotoError, match=r"2 of 73"):
        make(max_left_out=0.02)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".store.partial", "raw"]
    assert len(make(max_left_out=0.03)) == 71
    assert sorted(file.name for file in tmp_path.iterdir()) == ["raw", "store"]


def test_no_usable_photo_at_all_is_said(make, raw):
    for file in raw.images.glob("*/*.jpg"):
        file.write_bytes(b"no photo")
    with pytest.raises(PhotoError, match=r"70 of 70 photos cannot be read, e.g. .*: mend them"):
        make(max_left_out=1.0)


def test_a_size_of_ones_own_is_stored_beside_the_photos_own(make):
    store = make(size=(20, 16))
    assert store.size == (20, 16) and store.source_size == (40, 30)
    assert store.read([0]).shape == (1, 20, 16, 3)


def test_the_commonest_size_is_taken_and_others_are_fitted(make, raw):
    raw.photo(raw.images / PERSON / "normal.jpg", (9, 9, 9), size=(100, 100))
    store = make()
    assert store.size == store.source_size == (40, 30)


def test_the_background_is_removed_before_the_photo_is_made_smaller(make):
    def right_half(photo):
        mask = np.zeros((photo.height, photo.width))
        mask[:, photo.width // 2 :] = 255
        return mask

    store = make(size=(20, 16), background=Background("own", "m.onnx", "0" * 64, right_half))
    photo = store.read([0])[0]
    assert photo[:, :6].max() == 0 and photo[:, 10:, 2].min() > 150
    assert store.meta["background"] == {"method": "own", "model": "m.onnx", "sha256": "0" * 64}


def test_a_photo_with_nobody_in_it_is_left_out(make, raw):
    def nobody_in_wide_ones(photo):
        return np.tri(photo.height, photo.width) * (255 if photo.width == 30 else 0)

    raw.photo(raw.images / PERSON / "normal.jpg", (9, 9, 9), size=(40, 40))
    store = make(background=Background("own", segment=nobody_in_wide_ones), max_left_out=0.1, implausible="remove")
    assert store.meta["left_out"] == [{"path": f"{PERSON}/normal.jpg", "why": "no person was told from the background"}]


def test_stores_whose_masks_are_all_plausible_have_the_same_photos_and_hash_whatever_is_asked_of_others(make):
    background = Background("own", "half.onnx", "0" * 64, lambda photo: mask_of(photo, photo.width // 2))
    stores = {what: make(what, background=background, implausible=what) for what in ("keep", "remove", "leave-out")}
    files = {what: contents(store) for what, store in stores.items()}
    for what, store in stores.items():
        assert store.meta["implausible"] == what and store.hash == stores["remove"].hash
        assert files[what].keys() == files["remove"].keys()
        assert all(data == files["remove"][name] for name, data in files[what].items() if name != "store.json")


def test_a_store_with_its_backgrounds_says_nothing_of_masks(make):
    store = make(background="keep")
    assert "implausible" not in store.meta and "implausible" not in store.meta["made_from"]


def mask_of(photo, left):
    """Keeps what is right of `left`."""
    mask = np.zeros((photo.height, photo.width), np.uint8)
    mask[:, left:] = 255
    return mask


ODD = f"{PERSON}/normal.jpg"


@pytest.fixture
def odd(raw):
    """A background whose masks keep next to nothing of the one photo, and of the first to predict."""
    raw.photo(raw.images / ODD, (0, 200, 0))
    raw.photo(raw.eval / "images" / "b.jpg", (0, 200, 0))

    def segment(photo):
        return mask_of(photo, photo.width - 1 if np.asarray(photo)[0, 0, 1] > 190 else photo.width // 2)

    return Background("own", "half.onnx", "0" * 64, segment)


def stored(store, path):
    return store.read(np.flatnonzero(store.index["path"] == path))[0]


def test_a_photo_whose_mask_is_implausible_is_kept_as_it_is_and_counted(make, odd):
    store = make(background=odd)
    assert stored(store, ODD)[:, :, 1].min() > 190 and stored(store, f"{PERSON}/mask1.jpg")[:, :13].max() <= 2
    assert store.meta["implausible"] == "keep" and store.meta["left_out"] == []
    why = "keeps 3.3% of the photo"
    assert store.meta["masks"]["implausible"] == [{"path": ODD, "why": why}, {"path": "b.jpg", "why": why}]
    assert store.meta["masks"]["photos"] == 73


def test_its_background_is_removed_all_the_same_where_that_is_asked_for(make, odd):
    store = make(background=odd, implausible="remove")
    assert stored(store, ODD)[:, :25].max() <= 2 and store.meta["masks"]["implausible"][0]["path"] == ODD


def test_it_is_left_out_where_that_is_asked_for_unless_it_is_to_be_predicted(make, odd):
    store = make(background=odd, implausible="leave-out", max_left_out=0.0)
    assert store.meta["left_out"] == [{"path": ODD, "why": "implausible mask: keeps 3.3% of the photo"}]
    assert len(store) == 72 and stored(store, "b.jpg")[:, :, 1].min() > 190
    assert [photo["path"] for photo in store.meta["masks"]["implausible"]] == [ODD, "b.jpg"]


def test_where_all_are_left_out_that_is_said(make):
    nobody = Background("own", "m.onnx", "0" * 64, lambda photo: mask_of(photo, photo.width - 1))
    with pytest.raises(PhotoError, match=r"no photo to train on is left: 70 of 73 .*keeps 3\.3%.*--background keep"):
        make(background=nobody, implausible="leave-out")


def test_another_wish_for_implausible_masks_is_another_store(make, odd):
    make(background=odd)
    with pytest.raises(StoreError, match=r"made with other implausible \(keep, not remove\): choose another --out"):
        make(background=odd, implausible="remove")


def test_a_store_that_does_not_say_what_it_did_with_them_removed_them(make, odd):
    store = make(background=odd, implausible="remove")
    meta = json.loads((store.path / "store.json").read_text())
    del meta["implausible"], meta["made_from"]["implausible"], meta["json_sha256"]
    (store.path / "store.json").write_text(json.dumps(meta))
    said = []
    assert make(background=odd, implausible="remove", say=said.append).hash == store.hash
    assert said[-1].endswith("nothing to do")
    with pytest.raises(StoreError, match=r"other implausible \(remove, not keep\)"):
        make(background=odd)


def test_preparing_again_says_so_and_does_nothing(make, monkeypatch):
    first = make()
    before = {file: file.stat().st_mtime_ns for file in first.path.iterdir()}
    said = []
    monkeypatch.setattr(parts, "treat", None)
    again = make(say=said.append, workers=7, max_left_out=0.5)
    assert again.hash == first.hash
    assert said[-1].endswith("nothing to do")
    assert {file: file.stat().st_mtime_ns for file in first.path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"seed": 1}, "seed"),
        ({"bands": (25, 40)}, "bands"),
        ({"size": (20, 15)}, "size"),
        ({"eval_dir": None}, "labels, photos"),
    ],
)
def test_another_store_is_not_overwritten(make, options, what):
    before = contents(make())
    with pytest.raises(StoreError, match=f"store made with other {what}: choose another --out"):
        make(**options)
    assert contents(Store.open(make().path)) == before


def test_changed_labels_or_photos_are_not_taken_for_the_old(make, raw):
    make()
    raw.photo(raw.images / PERSON / "normal.jpg", (9, 9, 9), size=(60, 80))
    with pytest.raises(StoreError, match="other photos"):
        make()
    text = raw.labels.read_text()
    raw.labels.write_text(text.replace(",20,", ",21,", 1))
    with pytest.raises(StoreError, match="other labels, photos"):
        make()


def test_a_folder_of_something_else_is_left_alone(make, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match="choose another --out"):
        make()
    assert (tmp_path / "store" / "thesis.tex").read_text() == "mine"


def test_impossible_settings_are_refused(make):
    with pytest.raises(OptionError, match="--bands: 1 <= first < second <= 120 must hold, but got 60,30"):
        make(bands=(60, 30))
    with pytest.raises(OptionError, match="--size: sides must be 8 to 4096 pixels, but got 5x20"):
        make(size=(5, 20))
    with pytest.raises(OptionError, match="--allow-left-out must be a share"):
        make(max_left_out=5)
    with pytest.raises(OptionError, match="--background bria-rmbg: its licence"):
        make(background="bria-rmbg")


def test_a_bad_label_stops_before_any_photo_is_read(make, raw, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "treat", None)
    raw.write_csv([(PERSON, "male", "young")])
    with pytest.raises(LabelError, match="row 2: age"):
        make()
    assert not (tmp_path / "store").exists()


def test_a_drawn_sample_is_known_by_its_file(make, raw):
    assert make("reference").profile == "reference"
    (raw.root / "sample.json").write_text(json.dumps({"seed": 0}))
    assert make("sample").profile == "sample"
    assert make("told", profile="reference").profile == "reference"
