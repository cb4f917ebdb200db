"""Nothing in a folder is passed over in silence."""

import os

import pytest
from PIL import Image

from common.errors import LabelError, OptionError
from data_prep.layouts.folders import DANGLING, HIDDEN, LINKED, NO_FILE, NO_PHOTO, images_below, photos_below


def photo(file, kind="JPEG"):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 40)).save(file, kind)
    return file


def test_photos_of_unusual_names_are_found_by_what_they_hold(tmp_path):
    names = ["a.jpg_1088Wx1632H", "b.jpeg?w=200", "c", "d.JFIF", "e.jpe", "f.photo"]
    for name in names:
        photo(tmp_path / name, "WEBP" if name.startswith("a") else "JPEG")
    found = images_below(tmp_path)
    assert [photo.path for photo in found.photos] == names
    assert found.unusual == ["a.jpg_1088Wx1632H", "b.jpeg?w=200", "c", "f.photo"] and found.aside == {}


def test_what_is_not_used_is_named_with_the_reason(tmp_path):
    photo(tmp_path / "in/a.jpg")
    (tmp_path / "in/labels.csv").write_text("a.jpg,1")
    (tmp_path / "in/._a.jpg").write_bytes(b"\0\x05\x16\x07")
    (tmp_path / "in/.DS_Store").write_bytes(b"")
    photo(tmp_path / "in/.thumbnails/a.jpg")
    (tmp_path / "in/.git").mkdir()
    (tmp_path / "in/gone.png").symlink_to("nowhere")
    (tmp_path / "in/gone").symlink_to("nowhere")
    (tmp_path / "in/again").symlink_to("deep")
    photo(tmp_path / "in/deep/b.jpg")
    os.mkfifo(tmp_path / "in/pipe.jpg")
    found = images_below(tmp_path / "in")
    assert [photo.path for photo in found.photos] == ["a.jpg", "deep/b.jpg"]
    assert found.aside == {
        HIDDEN: ["._a.jpg", ".thumbnails/"],
        LINKED: ["again"],
        DANGLING: ["gone", "gone.png"],
        NO_PHOTO: ["labels.csv"],
        NO_FILE: ["pipe.jpg"],
    }


def test_a_folder_of_nothing_but_twins_says_so(tmp_path):
    for name in ("._a.jpg", "._b.jpg"):
        (tmp_path / name).write_bytes(b"\0\x05\x16\x07")
    with pytest.raises(OptionError, match=r"no photo in it, but 2 hidden \(._x.jpg holds no pixels.*: \._a\.jpg"):
        photos_below(tmp_path)


def test_a_link_out_of_the_folder_is_refused_where_it_is_a_photo_by_what_it_holds(tmp_path):
    photo(tmp_path / "in/a.jpg")
    (tmp_path / "in/README").symlink_to("/etc/hosts")
    assert len(images_below(tmp_path / "in").photos) == 1
    (tmp_path / "in/b").symlink_to(photo(tmp_path / "out"))
    with pytest.raises(LabelError, match=r"b is a link to .*outside it"):
        images_below(tmp_path / "in")


def test_a_name_with_a_carriage_return_is_refused_by_name(tmp_path):
    photo(tmp_path / "a\r.jpg")
    with pytest.raises(OptionError, match=r"the name 'a\\r\.jpg' has a carriage return, so no CSV can hold it; rename"):
        photos_below(tmp_path)


def test_a_single_photo_is_its_own_folder(tmp_path):
    file = photo(tmp_path / "a.jpg")
    assert [(photo.path, photo.file) for photo in photos_below(file).photos] == [("a.jpg", file)]
