import io
import random

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from common.errors import PhotoError
from data_prep.photos import decode as photos
from data_prep.photos.decode import fit, is_photo, load, upright_size


def gradient(height=40, width=30):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saved(file, image, **options):
    image.save(file, **options)
    return file


def turned_by_exif(file, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(file, Image.fromarray(gradient()), exif=exif)


def test_a_photo_turned_by_exif_is_loaded_upright(tmp_path):
    file = turned_by_exif(tmp_path / "a.png", 6)
    assert np.array_equal(np.asarray(load(file)), np.rot90(gradient(), -1))
    assert upright_size(file) == (30, 40)
    jpeg = turned_by_exif(tmp_path / "a.jpg", 8)
    assert load(jpeg).size == (40, 30) and upright_size(jpeg) == (30, 40)
    assert upright_size(turned_by_exif(tmp_path / "b.jpg", 1)) == (40, 30)


@pytest.mark.parametrize(("mode", "colour"), [("L", 90), ("RGB", (90, 90, 90)), ("1", 1), ("CMYK", (0, 0, 0, 165))])
def test_every_kind_of_photo_becomes_rgb(tmp_path, mode, colour):
    photo = load(saved(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"), Image.new(mode, (3, 4), colour)))
    assert photo.mode == "RGB" and photo.size == (3, 4)
    assert abs(int(np.asarray(photo)[0, 0, 0]) - (255 if mode == "1" else 90)) <= 2


def test_what_is_transparent_becomes_black(tmp_path):
    half = Image.new("RGBA", (2, 1), (200, 100, 50, 255))
    half.putpixel((1, 0), (200, 100, 50, 0))
    assert np.asarray(load(saved(tmp_path / "a.png", half))).tolist() == [[[200, 100, 50], [0, 0, 0]]]
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([9, 9, 9, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    assert np.asarray(load(saved(tmp_path / "p.png", palette)))[0, 1].tolist() == [200, 100, 50]
    assert np.asarray(load(saved(tmp_path / "t.png", palette, transparency=1)))[0, 1].tolist() == [0, 0, 0]


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    deep = Image.fromarray(np.full((4, 4), 128 * 256, dtype=np.uint16))
    assert np.asarray(load(saved(tmp_path / "a.png", deep)))[0, 0].tolist() == [128, 128, 128]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_truncated_photo_is_refused(tmp_path, kind, share):
    data = io.BytesIO()
    Image.fromarray(gradient(200, 200)).save(data, kind)
    file = tmp_path / "a.jpg"
    file.write_bytes(data.getvalue()[: int(share * len(data.getvalue()))])
    with pytest.raises(PhotoError) as error:
        load(file)
    assert str(tmp_path) not in str(error.value) and "\n" not in str(error.value)


def test_no_flipped_byte_of_a_png_gets_past_as_another_error(tmp_path):
    data = io.BytesIO()
    Image.fromarray(gradient()).save(data, "PNG")
    file = tmp_path / "a.png"
    refused = []
    for i in range(8, 400, 3):
        broken = bytearray(data.getvalue())
        broken[i] ^= 0x55
        file.write_bytes(bytes(broken))
        try:
            photo = load(file)
        except PhotoError as error:
            refused.append(str(error))
            assert upright_size(file) in (None, (40, 30)) or i < 24  # the size itself is in bytes 16 to 23
        else:
            assert photo.mode == "RGB" and photo.size == (30, 40)
    assert len(refused) > 100 and all(why and "\n" not in why for why in refused)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, kind):
    with pytest.raises(PhotoError, match="not a JPEG, PNG or WEBP photo"):
        load(saved(tmp_path / "a.jpg", Image.new("RGB", (4, 4)), format=kind))


def test_what_is_no_file_is_refused(tmp_path):
    for file in (tmp_path, tmp_path / "nothing.jpg"):
        with pytest.raises(PhotoError, match="not a regular file"):
            load(file)
        assert upright_size(file) is None


def test_a_photo_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MAX_PIXELS", 1000)
    with pytest.raises(PhotoError, match="30x40 pixels, more than 1,000"):
        load(saved(tmp_path / "a.png", Image.fromarray(gradient())))


def test_fitting_keeps_the_centre_and_the_aspect():
    wide = np.zeros((40, 60, 3), np.uint8)
    wide[:, 15:45] = 200
    assert (fit(Image.fromarray(wide), (40, 30)) == 200).all()
    assert fit(Image.fromarray(wide), (20, 30)).shape == (20, 30, 3)
    assert np.array_equal(fit(Image.fromarray(gradient()), (40, 30)), gradient())


def test_shrinking_averages_what_it_covers():
    stripes = np.zeros((80, 60, 3), np.uint8)
    stripes[::2] = 255
    small = fit(Image.fromarray(stripes), (8, 6))
    assert abs(small[2:-2].astype(int) - 128).max() <= 8


def test_names_tell_photos_from_the_rest():
    assert all(map(is_photo, ("a.jpg", "a.JPEG", "a.b.png", "a.heic")))
    assert not any(map(is_photo, ("._a.jpg", ".jpg", "a.txt", "a", "jpg")))


JPEGS = {
    "plain": {},
    "of full colour": {"subsampling": "4:4:4"},
    "of half the colour": {"subsampling": "4:2:2"},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "never YCbCr": {"keep_rgb": True},
    "finest": {"quality": 100},
    "coarsest": {"quality": 1},
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("size", [(1, 1), (1, 17), (41, 31), (64, 48)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_has_the_pixels_that_pillow_makes_of_it(tmp_path, kind, size, mode):
    options = JPEGS[kind] if mode == "RGB" else {k: v for k, v in JPEGS[kind].items() if k != "keep_rgb"}
    file = saved(tmp_path / "a.jpg", Image.fromarray(gradient(*size)).convert(mode), **options)
    with Image.open(file) as photo:
        assert np.array_equal(np.asarray(load(file)), np.asarray(photo.convert("RGB")))


def test_a_jpeg_is_a_photo_of_pillows_for_whoever_wants_more_than_its_pixels(tmp_path):
    file = saved(tmp_path / "a.jpg", Image.fromarray(gradient()))
    pixels = np.asarray(load(file))
    half = Image.fromarray(pixels).resize((15, 20), Image.Resampling.BICUBIC)
    assert np.array_equal(fit(load(file), (20, 15)), np.asarray(half))
    photo = load(file)
    assert np.array_equal(np.asarray(photo.rotate(90, expand=True)), np.rot90(pixels))
    assert np.array_equal(np.asarray(photo), pixels)
    black = Image.composite(load(file), Image.new("RGB", photo.size), Image.new("L", photo.size, 0))
    assert not np.asarray(black).any()


def test_a_flaw_in_a_jpeg_is_judged_by_pillow_alone(tmp_path, monkeypatch):
    data = io.BytesIO()
    Image.fromarray(gradient()).save(data, "JPEG", restart_marker_rows=1)
    file, chance = tmp_path / "a.jpg", random.Random(0)

    def outcome():
        try:
            return np.asarray(load(file)).tobytes()
        except PhotoError as error:
            return str(error)

    for _ in range(300):
        spoiled = bytearray(data.getvalue())
        at = chance.randrange(2, len(spoiled))
        spoiled[at : at + chance.choice((0, 1, 5, 10**6))] = chance.randbytes(chance.randrange(4))
        file.write_bytes(spoiled)
        found = outcome()
        with monkeypatch.context() as patch:
            patch.setattr(photos, "_by_simplejpeg", lambda data, size: None)
            assert outcome() == found


def test_a_long_comment_says_nothing_of_the_pixels(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 1_500_000, zip=True)
    picture = Image.new("RGB", (40, 30), (1, 2, 3))
    picture.save(tmp_path / "a.png", pnginfo=text)
    assert np.array_equal(load(tmp_path / "a.png"), picture) and upright_size(tmp_path / "a.png") == (30, 40)
