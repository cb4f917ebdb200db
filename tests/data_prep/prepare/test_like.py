"""New photos are treated as those of a store were."""

import numpy as np
import pytest
from PIL import Image

from common.errors import PhotoError, StoreError
from data_prep.photos import background
from data_prep.photos.background import Background
from data_prep.prepare.like import batches_like, prepare_like


def test_new_photos_get_the_pixels_they_would_have_in_the_store(make, raw):
    store = make(size=(20, 16))
    names, pixels = prepare_like(store, raw.images)
    assert sorted(names) == names and len(names) == 70
    rows = store.index.reset_index().set_index("path")["index"][names]
    assert np.array_equal(pixels, store.read(rows))


def test_new_photos_come_in_batches_too(make, raw):
    store = make()
    names, batches = batches_like(store, raw.eval / "images", batch_size=2)
    assert names == ["a.jpg", "b.jpg", "c.png"]
    assert [len(batch) for batch in batches] == [2, 1]


def test_a_new_photo_that_cannot_be_used_is_named(make, raw, tmp_path):
    store = make()
    Image.new("RGB", (40, 30)).save(tmp_path / "raw" / "eval" / "images" / "d.gif")
    with pytest.raises(PhotoError, match=r"d\.gif: not a JPEG, PNG or WEBP photo"):
        prepare_like(store, raw.eval / "images")


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
    names, pixels = prepare_like(store, raw.eval / "images")
    rows = [int(np.flatnonzero(store.index["path"] == name)[0]) for name in names]
    assert np.array_equal(pixels, store.read(rows))
    odd, other = pixels[names.index("b.jpg")], pixels[names.index("a.jpg")]
    assert other[:, :13].max() <= 2
    assert (odd[:, :13].max() <= 2) == (implausible == "remove")


def test_new_photos_need_the_model_that_the_store_was_made_with(make, raw, tmp_path, monkeypatch):
    def left(photo):
        return np.tri(photo.height, photo.width) * 255

    store = make(background=Background("sample", "segmenter.onnx", "0" * 64, left))
    monkeypatch.setattr(background, "SAMPLE_MODEL", raw.labels)
    with pytest.raises(StoreError, match="prepare it again"):
        prepare_like(store, raw.eval / "images")
