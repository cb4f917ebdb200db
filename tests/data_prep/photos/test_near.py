import io

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from data_prep.photos.near import pairs, phash


def scene(seed, side=96):
    """Draw soft blobs, the larger the stronger, as in photos."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 120.0)
    for blobs in (3, 6, 12, 24):
        spots = Image.fromarray(rng.integers(0, 256, (blobs, blobs, 3), dtype=np.uint8))
        picture += (np.asarray(spots.resize((side, side), Image.Resampling.BICUBIC)) - 127.5) / blobs
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def near(*photos):
    return list(pairs([phash(photo) for photo in photos]))


def test_copies_are_near_and_other_photos_are_not():
    photo = scene(0)
    lighter = ImageEnhance.Brightness(photo).enhance(1.2)
    photo.save(again := io.BytesIO(), "JPEG", quality=60)
    smaller = photo.resize((40, 40))
    assert near(photo, lighter, Image.open(again), smaller, scene(1)) == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (2, 3),
    ]


def test_a_mirrored_copy_is_near():
    assert near(scene(2), scene(3), ImageOps.mirror(scene(2))) == [(0, 2)]


def test_no_two_of_many_scenes_are_near():
    assert near(*map(scene, range(600))) == []


def test_photos_of_one_colour_are_near_to_nothing():
    black = Image.new("RGB", (40, 40))
    assert phash(black) is None
    assert near(black, black, Image.new("RGB", (40, 40), "white")) == []
    assert list(pairs([])) == []
