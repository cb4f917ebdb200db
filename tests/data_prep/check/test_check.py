import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from common.command_line import exit_code
from common.repository import ROOT
from data_prep.check.__main__ import main
from data_prep.photos.background import Background
from tests.data_prep.photos.test_near import scene
from tests.data_prep.preparing import prepared


@pytest.fixture
def store(raw, tmp_path):
    """The ten people; the right half of every photo is kept, of photos to predict and of one other almost nothing."""

    def segment(photo):
        mask = np.zeros((photo.height, photo.width), np.uint8)
        red = np.asarray(photo)[0, 0, 0]
        mask[:, photo.width // 2 if red < 90 else photo.width - 1 :] = 255
        return mask

    options = {"background": Background("own", "half.onnx", "0" * 64, segment), "progress": False}
    return prepared(raw.images, raw.labels, tmp_path / "store", eval_dir=raw.eval, say=lambda line: None, **options)


def shown(capsys, *arguments):
    main(list(map(str, arguments)))
    return capsys.readouterr().out


def test_counts_of_every_class_band_and_split_are_those_of_the_index(store, capsys):
    lines = [line.split() for line in shown(capsys, store.path).splitlines()]
    assert ["worn", "female", "<30", "10", "5", "5", "0", "20"] in lines
    assert ["not", "known", "0", "0", "0", "3", "3"] in lines
    photos = {name: int((store.index["split"] == name).sum()) for name in ("train", "val", "test", "eval")}
    assert ["photos", *map(str, photos.values()), "73"] in lines
    by_class = [line for line in lines if line[:1] in (["worn"], ["incorrect"], ["none"]) and len(line) == 8]
    assert len(by_class) == 18 and sum(int(line[-1]) for line in by_class) == 70


def test_origin_and_implausible_masks_are_said(store, capsys):
    text = shown(capsys, store.path)
    assert "background own (half.onnx, SHA-256 000000000000); bands 30/60; seed 0" in text
    implausible = store.meta["masks"]["implausible"]
    assert f"implausible mask: {len(implausible)}" in text and f"  {implausible[0]['path']}: keeps 3.3%" in text
    assert "left out: 0" in text


def headings(text):
    return [line.split()[0] for line in text.splitlines() if line.split()[1:3] == ["train", "val"]]


def test_every_label_is_counted_beside_the_classes(store, capsys):
    assert headings(shown(capsys, store.path)) == ["class", "mask", "gender", "age", "split"]


@pytest.mark.parametrize(
    ("task", "tables"), [("gender", ["class", "mask", "age", "split"]), ("mask", ["class", "gender", "age", "split"])]
)
def test_what_alone_is_predicted_is_counted_once(raw, tmp_path, capsys, task, tables):
    options = {"background": "keep", "progress": False, "say": lambda line: None, "task": (task,)}
    text = shown(capsys, prepared(raw.images, raw.labels, tmp_path / "store", **options).path)
    assert headings(text) == tables


def test_folders_of_two_states_are_counted_by_their_classes_alone(raw, tmp_path, capsys):
    for i in range(6):
        raw.photo(tmp_path / "in" / ("with_mask", "without_mask")[i % 2] / f"{i}.jpg", (30 * i, 9 + i, 90 - i))
    options = {"background": "keep", "progress": False, "say": lambda line: None}
    text = shown(capsys, prepared(tmp_path / "in", None, tmp_path / "store", **options).path)
    assert headings(text) == ["class", "split"]
    assert ["worn", "3"] in [line.split()[:: len(line.split()) - 1] for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("file", ["images-00000.npy", "index.csv", "store.json"])
def test_a_single_flipped_bit_anywhere_is_found(store, capsys, file):
    data = bytearray((store.path / file).read_bytes())
    data[len(data) // 2] ^= 1
    (store.path / file).write_bytes(data)
    assert exit_code(lambda: main([str(store.path)])) == 2
    problem = capsys.readouterr().err.splitlines()[-1]
    assert problem.startswith("error: ") and file in problem and "prepare the store again" in problem


def test_the_sheet_shows_photos_before_and_after_those_with_odd_masks_first(store, raw, tmp_path, capsys):
    sheet = tmp_path / "deep" / "sheet.png"
    shown(capsys, store.path, "--sheet", sheet, "--images", raw.images, "--photos", "9")
    with Image.open(sheet) as opened:
        picture = np.asarray(opened)
    before, after = picture[100, -150 - 130], picture[100, -130]
    assert before.max() > 150 and after.max() <= 2
    again = sheet.read_bytes()
    shown(capsys, store.path, "--sheet", sheet, "--images", raw.images, "--photos", "9")
    assert sheet.read_bytes() == again
    assert [file.name for file in sheet.parent.iterdir()] == ["sheet.png"]


def test_a_photo_that_was_kept_for_its_mask_is_framed_and_shown_as_it_is(store, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    shown(capsys, store.path, "--sheet", sheet, "--photos", "9")
    with Image.open(sheet) as opened:
        picture = np.asarray(opened).astype(int)
    frame, inside = picture[28 + 1, 60], picture[100, 20]
    assert abs(frame - (190, 30, 30)).max() == 0 and inside.max() > 150


def test_a_sheet_without_the_photos_as_they_were_is_drawn_too(store, tmp_path, capsys):
    shown(capsys, store.path, "--sheet", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 0


def test_images_of_another_dataset_or_outside_the_folder_are_refused(store, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    arguments = [str(store.path), "--sheet", str(tmp_path / "s.png"), "--images", str(tmp_path / "other")]
    assert exit_code(lambda: main(arguments)) == 2
    assert "name the folder that the store was made of" in capsys.readouterr().err
    assert exit_code(lambda: main([str(store.path), "--images", str(tmp_path)])) == 2
    assert "--sheet sheet.png" in capsys.readouterr().err


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    command = [sys.executable, "-m", "data_prep.check", str(tmp_path / "nothing")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "does not exist" in done.stderr


def test_a_store_made_before_masks_were_summed_up_is_shown_too(store, capsys):
    from data_prep.store.files import content_hash

    meta = json.loads((store.path / "store.json").read_text())
    del meta["masks"], meta["json_sha256"]
    meta["hash"] = content_hash(meta)
    (store.path / "store.json").write_text(json.dumps(meta))
    assert "implausible mask: 0" in shown(capsys, store.path)


def test_a_path_is_shown_letter_by_letter(raw, tmp_path, capsys):
    for i, name in enumerate(("0002[copy].jpg", "a[/without_mask/b].jpg")):
        file = raw.photo(tmp_path / "[bold]" / "with_mask" / name, (9 * i, 5, 200))
        file.write_bytes(file.read_bytes()[:-6])
    for i in range(3):
        scene(i, 48).save(tmp_path / "[bold]" / "with_mask" / f"{i}.png")
    options = {"background": "keep", "progress": False, "say": lambda line: None, "max_left_out": 0.5}
    made = prepared(tmp_path / "[bold]", None, tmp_path / "[red]store", **options)
    text = shown(capsys, made.path)
    assert f"{made.path}: whole" in text
    assert "  with_mask/0002[copy].jpg: " in text and "  with_mask/a[/without_mask/b].jpg: " in text


def test_photos_that_are_nearly_identical_are_counted(tmp_path, capsys):
    for i in range(40):
        folder = tmp_path / "in" / ("with_mask", "without_mask")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        scene(i // 2, 48 + i % 2).save(folder / f"{i}.png")
    options = {"background": "keep", "progress": False, "say": lambda line: None}
    text = shown(capsys, prepared(tmp_path / "in", None, tmp_path / "apart", **options).path)
    assert "nearly identical: 40 photos in 20 groups, " in text and "in several splits: python -m data_prep" in text
    together = prepared(tmp_path / "in", None, tmp_path / "together", group_near=True, **options)
    assert "nearly identical: 40 photos in 20 groups, each in one split" in shown(capsys, together.path)
