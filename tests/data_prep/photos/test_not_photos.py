"""What lies in folders of photos without being one is called by its name."""

import pytest

from common.errors import PhotoError
from data_prep.photos.decode import load
from data_prep.photos.not_photos import kind_of

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9821\n"
HOLDS = {
    "a Git LFS pointer": LFS,
    "a git-annex pointer": b"/annex/objects/SHA256E-s9821--00.jpg\n",
    "a web page": b"\n<!DOCTYPE html><title>404</title>",
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "JSON": b'{"message": "not found"}',
    "an empty file": b"",
    "zeros": bytes(3000),
    "macOS's notes of a file (AppleDouble)": b"\0\x05\x16\x07\0\x02\0\0Mac OS X",
    "a HEIC photo": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "an AVIF photo": b"\0\0\0\x1cftypavif\0\0\0\0mif1",
    "a JPEG 2000 picture": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
    "a film": b"\0\0\0\x20ftypisom" + bytes(20),
    "a TIFF picture": b"II*\0" + bytes(20),
}


@pytest.mark.parametrize("what", HOLDS)
def test_a_file_that_is_no_photo_is_called_by_its_name(tmp_path, what):
    file = tmp_path / "a.jpg"
    file.write_bytes(HOLDS[what])
    with pytest.raises(PhotoError, match="not a JPEG, PNG or WEBP photo") as error:
        load(file)
    assert str(error.value).startswith(f"{what}, ")


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0", b"I am text", b"versions differ", b"<3 you"])
def test_of_anything_else_no_kind_is_claimed(tmp_path, data):
    file = tmp_path / "a.jpg"
    file.write_bytes(data)
    assert kind_of(file) is None
    assert kind_of(tmp_path / "nowhere.jpg") is None
