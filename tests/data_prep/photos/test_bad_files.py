"""Every kind of file that people have among their photos: used, passed over, or left out by name; never a crash."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from common.errors import LabelError
from data_prep.photos import decode
from tests.data_prep.preparing import prepared

PERSON = "000010_male_Asian_40"
NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def encoded(kind="JPEG", image=None, **options):
    data = io.BytesIO()
    (image or Image.fromarray(NOISE)).save(data, kind, **options)
    return data.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *more):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + chunk(b"IEND", b"")


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def huge_jpeg():
    """A JPEG whose header says 65,000 x 65,000."""
    data = encoded()
    start = data.index(b"\xff\xc0")
    return data[: start + 5] + struct.pack(">HH", 65000, 65000) + data[start + 9 :]


UNUSABLE = {
    "nothing in it": b"",
    "one byte": b"\xff",
    "text": b"I am a photo, believe me.\n" * 100,
    "a web page": b"<!doctype html><img src=x onerror=alert(1)>",
    "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
    "a PDF": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "an archive": b"PK\x03\x04" + bytes(200),
    "a HEIC header": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
    "zeros": bytes(5000),
    "JPEG, cut short": encoded()[:-200],
    "JPEG, header only": encoded()[:300],
    "JPEG without its end of header": b"\xff\xd8\xff\xe0" + bytes(50),
    "PNG, cut short": encoded("PNG")[:-200],
    "PNG, a byte flipped in its data": flipped(encoded("PNG"), 500),
    "PNG, its checksum wrong": flipped(encoded("PNG"), 29),
    "PNG without pixels": png(30, 40),
    "PNG of no width": png(0, 40, chunk(b"IDAT", zlib.compress(b""))),
    "PNG bomb: 60,000 x 60,000": png(60000, 60000, chunk(b"IDAT", zlib.compress(bytes(10**6)))),
    "PNG bomb: a text of 100 MB": png(30, 40, chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(10**8), 1))),
    "JPEG bomb: 65,000 x 65,000": huge_jpeg(),
    "WEBP, cut short": encoded("WEBP")[:-100],
    "WEBP, header only": encoded("WEBP")[:20],
    "GIF": encoded("GIF"),
    "BMP": encoded("BMP"),
    "TIFF": encoded("TIFF"),
    "PPM": encoded("PPM"),
    "ICO": encoded("ICO", Image.fromarray(NOISE[:16, :16])),
    "JPEG 2000": encoded("JPEG2000"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_cannot_be_used_is_left_out_by_name_with_a_reason(raw, tmp_path, kind):
    (raw.images / PERSON / "normal.jpg").write_bytes(UNUSABLE[kind])
    store = made(raw, tmp_path / "store")
    assert [photo["path"] for photo in store.meta["left_out"]] == [f"{PERSON}/normal.jpg"]
    why = store.meta["left_out"][0]["why"]
    assert why and "\n" not in why and str(tmp_path) not in why
    assert len(store) == 69


def made(raw, out):
    options = {"background": "keep", "progress": False, "say": lambda line: None, "max_left_out": 0.1}
    return prepared(raw.images, raw.labels, out, **options)


def test_all_of_them_in_one_dataset_leave_out_exactly_themselves(raw, tmp_path):
    """One a person and kind of photo, all at once, in threads."""
    kinds = ("mask1", "mask2", "normal")
    places = [folder / f"{kind}.jpg" for folder in sorted(raw.images.iterdir()) for kind in kinds]
    spoiled = dict(zip(places, UNUSABLE.values(), strict=False))
    for place, data in spoiled.items():
        place.write_bytes(data)
    options = {"background": "keep", "progress": False, "say": lambda line: None, "max_left_out": 0.5}
    store = prepared(raw.images, raw.labels, tmp_path / "store", workers=4, **options)
    assert {photo["path"] for photo in store.meta["left_out"]} == {
        place.relative_to(raw.images).as_posix() for place in spoiled
    }
    assert len(spoiled) == len(UNUSABLE) and len(store) == 70 - len(spoiled)


def upright(image, exif=None, kind="PNG", **options):
    data = io.BytesIO()
    image.save(data, kind, **({"exif": exif} if exif else {}), **options)
    return data.getvalue()


def turned(orientation):
    """The noise as a camera saves it that was held so."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return upright(Image.fromarray(NOISE).transpose(back[orientation]), exif)


def sixteen_bits_of_rgb():
    lines = b"".join(b"\0" + (line.astype(">u2") * 257).tobytes() for line in NOISE.reshape(40, 90))
    header = struct.pack(">IIBBBBB", 30, 40, 16, 2, 0, 0, 0)
    pixels = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + pixels + chunk(b"IEND", b"")


def animated():
    data = io.BytesIO()
    Image.fromarray(NOISE).save(data, "PNG", save_all=True, append_images=[Image.new("RGB", (30, 40))])
    return data.getvalue()


def with_a_comment():
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "x" * 1000)
    return upright(Image.fromarray(NOISE), pnginfo=about)


GREY = Image.fromarray(NOISE[..., 0])
USED = {
    "held upside down": (turned(3), NOISE),
    "held to the left": (turned(6), NOISE),
    "held to the right": (turned(8), NOISE),
    "16 bits a colour": (sixteen_bits_of_rgb(), NOISE),
    "16 bits of grey": (
        upright(Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)),
        np.asarray(GREY.convert("RGB")),
    ),
    "grey": (upright(GREY), np.asarray(GREY.convert("RGB"))),
    "grey with alpha": (upright(GREY.convert("LA")), np.asarray(GREY.convert("RGB"))),
    "with alpha": (upright(Image.fromarray(NOISE).convert("RGBA")), NOISE),
    "animated: its first picture": (animated(), NOISE),
    "with a long comment": (with_a_comment(), NOISE),
    "lossless WEBP": (upright(Image.fromarray(NOISE), kind="WEBP", lossless=True), NOISE),
    "an EXIF block that is garbage": (upright(Image.fromarray(NOISE), b"Exif\0\0garbage"), NOISE),
}


@pytest.mark.parametrize("kind", USED)
def test_what_cameras_and_programs_write_is_used_upright_and_in_rgb(tmp_path, kind):
    data, pixels = USED[kind]
    (tmp_path / "a.jpg").write_bytes(data)
    assert np.array_equal(np.asarray(decode.load(tmp_path / "a.jpg")), pixels)


SMOOTH = Image.fromarray(np.linspace(0, 255, 40 * 30 * 3).reshape(40, 30, 3).astype(np.uint8))


@pytest.mark.parametrize(
    ("kind", "image", "options"),
    [
        ("JPEG", SMOOTH, {"progressive": True}),
        ("JPEG", SMOOTH.convert("CMYK"), {}),
        ("MPO", SMOOTH, {"save_all": True, "append_images": [SMOOTH]}),
        ("PNG", SMOOTH.quantize(256), {}),
    ],
)
def test_photos_of_less_common_kinds_look_as_they_should(tmp_path, kind, image, options):
    (tmp_path / "a.jpg").write_bytes(encoded(kind, image, **options))
    found = np.asarray(decode.load(tmp_path / "a.jpg")).astype(int)
    assert abs(found - np.asarray(SMOOTH)).mean() < 8


def test_what_is_no_file_of_its_own_is_passed_over(raw, tmp_path):
    folder = raw.images / PERSON
    for name in ("mask1", "mask2", "mask3"):
        (folder / f"{name}.jpg").unlink()
    (folder / "mask1.jpg").mkdir()
    os.mkfifo(folder / "mask2.jpg")
    (folder / "mask3.jpg").symlink_to(folder / "gone.jpg")
    (folder / "._normal.jpg").write_bytes(b"\0\5\26\7")
    (folder / "Thumbs.db").write_bytes(b"")
    store = made(raw, tmp_path / "store")
    assert len(store) == 67 and store.meta["left_out"] == []


@pytest.mark.parametrize("path", ["../outside", "/etc", "a\0b", "link"])
def test_paths_that_leave_the_images_folder_are_refused_by_name(raw, tmp_path, path):
    raw.photo(raw.root / "outside" / "normal.jpg", (0, 0, 0))
    (raw.images / "link").symlink_to(raw.root / "outside")
    raw.write_csv([(PERSON, "male", 40), (path, "male", 20)])
    with pytest.raises(LabelError, match=r"row 3"):
        made(raw, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_photo_that_links_out_of_the_folder_is_refused_by_name(raw, tmp_path):
    secret = raw.photo(raw.root / "secret.jpg", (0, 0, 0))
    (raw.images / PERSON / "normal.jpg").unlink()
    (raw.images / PERSON / "normal.jpg").symlink_to(secret)
    with pytest.raises(LabelError, match=r"normal\.jpg"):
        made(raw, tmp_path / "store")
