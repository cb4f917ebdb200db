"""What a JPEG's first bytes tell is what Pillow makes of the file, or nothing."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from data_prep.photos.jpeg_header import HEAD, plain_jpeg

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))


def encoded(kind="JPEG", image=NOISE, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


PLAIN = {
    "as most are": encoded(),
    "progressive": encoded(progressive=True),
    "of full colour": encoded(subsampling="4:4:4"),
    "with restarts": encoded(restart_marker_rows=1),
    "of best Huffman tables": encoded(optimize=True),
    "with a comment": encoded(comment=b"hello"),
}
OTHERS = {
    "turned": encoded(exif=exif(6)),
    "upright, by its EXIF": encoded(exif=exif(1)),
    "with a colour profile": encoded(icc_profile=bytes(200)),
    "with a long comment": encoded(comment=bytes(HEAD)),
    "grey": encoded(image=NOISE.convert("L")),
    "CMYK": encoded(image=NOISE.convert("CMYK")),
    "never YCbCr": encoded(keep_rgb=True),
    "several in one": encoded("MPO", save_all=True, append_images=[NOISE]),
    "PNG": encoded("PNG"),
    "WEBP": encoded("WEBP"),
    "nothing": b"",
    "a beginning": b"\xff\xd8",
    "padded": b"\xff\xd8\xff" + encoded()[2:],
    "cut in its header": encoded()[:300],
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_jpeg_is_told_by_its_first_bytes(kind):
    assert plain_jpeg(PLAIN[kind][:HEAD]) == (40, 30)


@pytest.mark.parametrize("kind", OTHERS)
def test_all_others_are_left_to_pillow(kind):
    assert plain_jpeg(OTHERS[kind][:HEAD]) is None


def pillows(data):
    """What Pillow makes of it: format, mode, (height, width) and orientation."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as photo:
        return photo.format, photo.mode, (photo.height, photo.width), photo.getexif().get(0x0112)


def test_whatever_is_wrong_with_a_header_pillow_would_not_have_said_otherwise():
    chance, told = random.Random(0), 0
    for _ in range(4000):
        data = bytearray(chance.choice(list(PLAIN.values())))
        end = data.index(b"\xff\xda") + 14
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(end)
            data[at : at + chance.choice((0, 1, 1, 1, 4))] = chance.randbytes(chance.randrange(3))
        if size := plain_jpeg(bytes(data[:HEAD])):
            told += 1
            assert pillows(bytes(data)) == ("JPEG", "RGB", size, None)
    assert 400 < told < 3600
