"""New photos are treated as those of a store were."""

import numpy as np
import pytest
from PIL import Image

from common.errors import PhotoError, StoreError
from data_prep.photos import background
from data_prep.photos.background import Background
from data_prep.prepare import like
from data_prep.prepare.like import Treatment, batches_like, prepare_like
from data_prep.prepare.new_photos import new_photos


def test_new_photos_get_the_pixels_they_would_have_in_the_store(make, raw):
    store = make(size=(20, 16))
    names, pixels = prepare_like(Treatment.of_store(store), raw.images)
    assert sorted(names) == names and len(names) == 70
    rows = store.index.reset_index().set_index("path")["index"][names]
    assert np.array_equal(pixels, store.read(rows))


def test_new_photos_come_in_batches_too(make, raw):
    store = make()
    (raw.eval / "images" / "b.jpg").write_bytes(b"no photo")
    photos = new_photos(raw.eval / "images").photos
    batches = list(batches_like(Treatment.of_store(store), [photos[:2], photos[2:]]))
    assert [list(batch.unusable) for batch in batches] == [[1], []]
    assert [len(batch.pixels) for batch in batches] == [1, 1]


def test_memory_holds_a_batch_and_the_next_however_many_there_are(make, raw, monkeypatch):
    decoded = []
    treat = like.treat
    monkeypatch.setattr(like, "treat", lambda photo, **how: (decoded.append(photo), treat(photo, **how))[1])
    photos = new_photos(raw.images).photos
    batches = [photos[start : start + 4] for start in range(0, len(photos), 4)]
    taken = batches_like(Treatment.of_store(make()), batches, workers=1)
    assert len(next(taken).pixels) == 4
    taken.close()  # and with it what is made ahead
    ahead_in_threads = 2
    assert 4 <= len(decoded) <= 4 + 4 + ahead_in_threads < len(photos)


def test_a_new_photo_that_cannot_be_used_is_left_out_by_name(make, raw):
    store, said = make(), []
    Image.new("RGB", (40, 30)).save(raw.eval / "images" / "b.gif")
    names, pixels = prepare_like(Treatment.of_store(store), raw.eval / "images", say=said.append)
    assert names == ["a.jpg", "b.jpg", "c.png"] and len(pixels) == 3
    assert said == ["left out: 1 photo that cannot be used: b.gif (a GIF picture, not a JPEG, PNG or WEBP photo)"]


def test_without_a_single_photo_that_can_be_used_nothing_is_predicted(make, raw):
    store = make()
    for file in (raw.eval / "images").iterdir():
        file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(PhotoError, match=r"nothing to predict: 3 photos cannot be used: a\.jpg \(a Git LFS pointer"):
        prepare_like(Treatment.of_store(store), raw.eval / "images")


@pytest.mark.parametrize("implausible", ["keep", "remove", "leave-out"])
def test_new_photos_with_implausible_masks_are_treated_as_photos_to_predict_were(
    make, raw, home, monkeypatch, implausible
):
    def segment(photo):
        mask = np.zeros((photo.height, photo.width), np.uint8)
        mask[:, photo.width // 2 if np.asarray(photo)[0, 0, 1] > 5 else photo.width - 1 :] = 255
        return mask

    def loaded(method):
        return Background(method, "segmenter.onnx", "0" * 64, segment)

    monkeypatch.setattr(background, "load", loaded)
    monkeypatch.setattr(background, "named", loaded)
    store = make(background="sample", implausible=implausible)
    names, pixels = prepare_like(Treatment.of_store(store), raw.eval / "images")
    rows = [int(np.flatnonzero(store.index["path"] == name)[0]) for name in names]
    assert np.array_equal(pixels, store.read(rows))
    odd, other = pixels[names.index("b.jpg")], pixels[names.index("a.jpg")]
    assert other[:, :13].max() <= 2
    assert (odd[:, :13].max() <= 2) == (implausible == "remove")


def test_one_photo_is_as_good_as_a_folder_of_them(make, raw):
    store = make()
    names, pixels = prepare_like(Treatment.of_store(store), raw.eval / "images" / "b.jpg")
    assert names == ["b.jpg"]
    both, all_pixels = prepare_like(Treatment.of_store(store), raw.eval / "images")
    assert np.array_equal(pixels[0], all_pixels[both.index("b.jpg")])


def test_new_photos_are_known_by_what_they_hold_and_the_rest_is_named(tmp_path):
    for name in ("a.jpg_1088Wx1632H", "b.jfif", "c.jpe", "d", "e.jpg"):
        Image.new("RGB", (40, 30)).save(tmp_path / name, "WEBP" if name.startswith("a") else "JPEG")
    (tmp_path / "._e.jpg").write_bytes(b"\0\x05\x16\x07")
    (tmp_path / "notes").write_text("no photo")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    said = []
    found = new_photos(tmp_path, say=said.append)
    assert [photo.path for photo in found.photos] == ["a.jpg_1088Wx1632H", "b.jfif", "c.jpe", "d", "e.jpg"]
    assert said[0].startswith("used: 2 photos by their contents") and said[0].endswith(": a.jpg_1088Wx1632H, d")
    assert sorted(said[1:]) == [
        "not used: 1 hidden (._x.jpg holds no pixels: macOS writes it beside x.jpg): ._e.jpg",
        "not used: 1 link to nothing: gone.jpg",
        "not used: 1 no photos by name or contents: notes",
    ]


def test_new_photos_need_the_model_that_the_store_was_made_with(make, raw, tmp_path, monkeypatch):
    def left(photo):
        return np.tri(photo.height, photo.width) * 255

    store = make(background=Background("sample", "segmenter.onnx", "0" * 64, left))
    monkeypatch.setattr(background, "SAMPLE_MODEL", raw.labels)
    with pytest.raises(StoreError, match="prepare it again"):
        prepare_like(Treatment.of_store(store), raw.eval / "images")
