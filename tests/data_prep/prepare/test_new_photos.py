"""Photos to predict may be named by folders, by files and by CSVs; what cannot be understood is one line."""

import re
from pathlib import Path

import pytest
from PIL import Image

from common.errors import LabelError, MasktuneError, OptionError
from data_prep.prepare.new_photos import new_photos


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """faces/a.jpg, faces/sub/b.png, other/a.jpg, and the folder that holds both, which is where we are."""
    for name in ("faces/a.jpg", "faces/sub/b.png", "other/a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(*sources, images=None):
    return [photo.path for photo in new_photos([Path(source) for source in sources], images).photos]


def csv(text, name="list.csv"):
    Path(name).write_text(text)
    return name


def test_the_photos_of_one_source_are_called_by_their_names_in_it(faces):
    assert listed("faces") == ["a.jpg", "sub/b.png"]
    assert listed(faces / "faces") == ["a.jpg", "sub/b.png"]
    assert listed("faces/a.jpg") == ["a.jpg"]
    assert all(photo.to_predict for photo in new_photos("faces").photos)


def test_those_of_several_sources_are_called_as_they_were_typed(faces):
    assert listed("faces", "other") == ["faces/a.jpg", "faces/sub/b.png", "other/a.jpg"]
    assert listed("other/a.jpg", "faces/a.jpg") == ["other/a.jpg", "faces/a.jpg"]


@pytest.mark.parametrize("column", ["path", "ImageID", "file", "filename", "Image", "FILE_NAME"])
def test_a_csv_names_photos_in_its_order_beside_it(faces, column):
    assert listed(csv(f"ans,{column}\n0,other/a.jpg\n1,faces/sub/b.png\n")) == ["other/a.jpg", "faces/sub/b.png"]


def test_a_csv_may_have_whole_paths_and_those_of_windows(faces):
    found = new_photos(csv(f"path\n{faces}/other/a.jpg\nfaces\\sub\\b.png\n")).photos
    assert [photo.path for photo in found] == [f"{faces}/other/a.jpg", "faces\\sub\\b.png"]
    assert [photo.file for photo in found] == [faces / "other/a.jpg", faces / "faces/sub/b.png"]


def test_its_paths_are_below_images_where_that_is_named_or_is_where_the_reference_task_has_it(faces):
    assert listed(csv("path\nsub/b.png\na.jpg\n"), images=Path("faces")) == ["sub/b.png", "a.jpg"]
    Path("faces").rename("images")
    assert listed(csv("ImageID,ans\na.jpg,0\n", "info.csv")) == ["a.jpg"]
    assert new_photos("info.csv").photos[0].file == faces / "images/a.jpg"


def test_a_csv_and_a_folder_go_together(faces):
    assert listed(csv("path\nfaces/a.jpg\n"), "other") == ["faces/a.jpg", "other/a.jpg"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "list.csv is not a CSV file that can be read"),
        ("path\n", "list.csv has a header but no rows"),
        ("name,age\nx,3\n", "list.csv has no column of paths, which would be called path, ImageID, file,"),
        ("path,Path\na,b\n", "list.csv has two columns Path"),
        ("path\nfaces/a.jpg\nfaces/gone.jpg\n", r"list.csv, row 3: path names no photo in .*: 'faces/gone.jpg'; mend"),
        ("path\ngone.jpg\nfaces\ngone.png\n", r"row 2: path names no photo in .*: 'gone.jpg', and 2 rows more; mend"),
        ("path,age\n,3\n", "row 2: path names no photo in .*: ''"),
        (f"path\n{'x' * 5000}\n", "row 2: path names no photo in"),
        ("path\na\0.jpg\n", "row 2: path names no photo in"),
        ("path\nfaces/a.jpg,3\n", "row 2 has more cells than the header has columns"),
    ],
)
def test_a_csv_that_cannot_be_used_is_told_in_one_line(faces, text, why):
    csv(text)
    with pytest.raises(LabelError, match=why) as raised:
        listed("list.csv")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("sources", "images", "why"),
    [
        (["gone"], None, "--photos: no folder gone"),
        (["gone.csv"], None, "gone.csv: no such file"),
        (["notes.txt"], None, "--photos notes.txt: neither a folder nor a photo, .* must end with .csv"),
        (["empty"], None, "--photos empty: no photo in it"),
        (["faces", "empty"], None, "--photos empty: no photo in it"),
        (["faces", "faces"], None, "--photos: 'faces/a.jpg' is there 2 times; name each photo once"),
        (["faces"], "faces", "--images faces: only the paths of a CSV of --photos are below it"),
        (["list.csv"], "gone", "--images: no folder gone"),
        (["list.csv", "faces/a.jpg"], None, "--photos: 'faces/a.jpg' is there 2 times"),
    ],
)
def test_what_names_no_photos_is_refused_in_one_line(faces, sources, images, why):
    Path("empty").mkdir()
    Path("notes.txt").write_text("no photo")
    csv("path\nfaces/a.jpg\n")
    with pytest.raises(MasktuneError, match=why):
        listed(*sources, images=images)


def test_a_title_is_the_same_for_the_same_photos_and_another_for_others_of_that_name(faces):
    def title(*sources):
        return new_photos([Path(source) for source in sources]).title

    (faces / "other/faces").mkdir()
    Image.new("RGB", (4, 4)).save("other/faces/c.jpg")
    assert re.fullmatch("faces-[0-9a-f]{6}", title("faces"))
    assert title("faces") == title("faces/") == title(faces / "faces") == title("other/../faces")
    assert title("other/faces").startswith("faces-") and title("other/faces") != title("faces")
    assert re.fullmatch(r"a.jpg\+1-[0-9a-f]{6}", title("faces/a.jpg", "other/a.jpg"))
    Image.new("RGB", (4, 4)).save(f"{'ä' * 120}.jpg")
    assert len(f".predictions-{title('ä' * 120 + '.jpg')}.csv.parts".encode()) < 255


def test_predictions_are_not_written_over_what_they_are_made_of(faces):
    found = new_photos([csv("path\nfaces/a.jpg\n")])
    found.check_kept("--out", faces / "faces/list.csv")
    for file in (Path("list.csv"), faces / "list.csv", Path("faces/a.jpg")):
        with pytest.raises(OptionError, match="that is what --photos names, and would be lost"):
            found.check_kept("--out", file)
