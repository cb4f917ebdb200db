"""Photos that are the same, or nearly, are in one split, and contradictions between them are listed."""

import json
import shutil

import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from common.errors import StoreError
from data_prep.store.files import content_hash
from data_prep.store.store import Store
from data_prep.survey.findings import findings
from tests.data_prep.photos.test_near import scene
from tests.data_prep.preparing import prepared


@pytest.fixture
def faces(tmp_path):
    """60 photos in UTKFace's layout; of 0 to 9 there is an identical copy each, 20 years older by its name."""
    for i in range(60):
        scene(i, 48).save(name(tmp_path / "faces", 20 + i % 3, i))
    for i in range(10):
        shutil.copyfile(name(tmp_path / "faces", 20 + i % 3, i), name(tmp_path / "faces", 40 + i % 3, 100 + i))
    return tmp_path / "faces"


def name(folder, age, number):
    folder.mkdir(exist_ok=True)
    return folder / f"{age}_{number % 2}_0_{20170109150500000 + number}.png"


def made(faces, out="store", **options):
    said = options.pop("said", []).append
    return prepared(faces, None, faces.parent / out, background="keep", progress=False, say=said, **options)


def splits_of(store, paths):
    return set(store.index.set_index("path")["split"][paths])


def test_identical_photos_are_in_one_split_and_in_one_fold(faces):
    store = made(faces)
    found = store.meta["identical"]
    assert (found["groups"], found["photos"], len(found["contradict"])) == (10, 20, 10)
    views = [store, *(store.with_folds(4, fold) for fold in range(4))]
    for twins in found["contradict"]:
        assert all(len(splits_of(view, twins["paths"])) == 1 for view in views)
    assert {"train", "val", "test"} == set(store.index["split"])
    assert pd.Series([len(people) for people in store.meta["split"]["together"]]).eq(2).all()


def test_contradictions_are_said_with_their_labels(faces):
    lines = findings(made(faces))
    assert "identical: 20 photos in 10 groups, each in one split" in lines
    assert "labels that contradict each other on identical photos: 10 groups" in lines
    assert any(line.endswith(": age 20, 40") for line in lines) and "  and 5 more: see identical in store.json" in lines


def test_without_twins_nobody_is_moved_and_nothing_is_said(faces):
    for i in range(10):
        name(faces, 40 + i % 3, 100 + i).unlink()
    store = made(faces)
    assert store.meta["identical"] == {"groups": 0, "photos": 0, "contradict": []}
    assert store.meta["near"] is None and set(store.meta["split"]) == {"seed", "fractions"}
    assert findings(store) == []


def test_near_copies_are_kept_together_where_that_is_asked(faces):
    for i in range(20, 30):
        copy = ImageEnhance.Brightness(scene(i, 48)).enhance(1.1)
        copy.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(name(faces, 20 + i % 3, 200 + i))
    store = made(faces, group_near=True)
    assert store.meta["near"]["groups"] == 20 and store.meta["near"]["photos"] == 40
    for i in range(20, 30):
        paths = [name(faces, 20 + i % 3, number).name for number in (i, 200 + i)]
        assert len(splits_of(store, paths)) == 1
    assert "nearly identical: 40 photos in 20 groups, each in one split" in findings(store)
    with pytest.raises(StoreError, match="made with other group_near"):
        made(faces)


def test_a_photo_that_was_turned_in_place_is_another_photo(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()

    def save(i, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = folder / f"20_{i % 2}_0_2017010915050{i:04d}.jpg"
        scene(i, 200).save(file, exif=exif)
        return file.stat().st_size

    sizes = [save(i, 1) for i in range(12)]
    made(folder)
    assert save(3, 3) == sizes[3]
    with pytest.raises(StoreError, match="made with other contents: choose another --out"):
        made(folder)


def test_a_store_that_was_made_before_contents_were_hashed_is_the_same_store(faces):
    store, said = made(faces), []
    meta = json.loads((store.path / "store.json").read_text())
    del meta["made_from"]["contents_sha256"], meta["json_sha256"], meta["identical"], meta["sizes"], meta["not_used"]
    meta["hash"] = content_hash(meta)
    (store.path / "store.json").write_text(json.dumps(meta))
    assert made(faces, said=said).hash == store.hash
    assert said[-1].endswith("nothing to do")
    assert findings(Store.open(store.path)) == []


def test_sizes_of_a_mixed_folder_are_summed_up(faces):
    scene(70, 20).save(name(faces, 30, 300))
    store = made(faces, size=(48, 48))
    assert store.meta["sizes"]["enlarged"] == 1
    lines = findings(store)
    assert lines[0] == "sizes 20x20 to 48x48, commonest 48x48 (99%)"
    assert lines[1].startswith("enlarged more than twice, to 48x48: 1 photo;")


def test_what_is_not_used_is_said_and_kept(faces):
    (faces / "gone.jpg").symlink_to("nowhere")
    scene(71, 48).save(faces / "me.png")
    said = []
    store = made(faces, said=said)
    assert store.meta["not_used"] == [
        {"why": "photos of a name that says nothing", "paths": ["me.png"]},
        {"why": "links to nothing", "paths": ["gone.jpg"]},
    ]
    assert said[1:3] == [
        "not used: 1 photo of a name that says nothing: me.png",
        "not used: 1 link to nothing: gone.jpg",
    ]
