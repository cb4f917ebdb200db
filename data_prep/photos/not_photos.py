"""Files that are named as photos and are none: told by their first bytes, with what to do about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HEAD = 512


@dataclass(frozen=True)
class Kind:
    """A kind of file: what one is, what several are, and what to do. `told` matches the first bytes of one."""

    one: str
    many: str
    do: str
    told: re.Pattern[bytes]


def _kind(one: str, many: str, do: str, told: bytes) -> Kind:
    return Kind(one, many, do, re.compile(told, re.IGNORECASE | re.DOTALL))


_CONVERT = "convert them to JPEG or PNG"
_AGAIN = "copy or download them again"
KINDS = (
    _kind("an empty file", "empty files", _AGAIN, rb"\Z"),
    _kind("a Git LFS pointer", "Git LFS pointers", "run git lfs pull in their repository", rb"version https://git-lfs"),
    _kind("a git-annex pointer", "git-annex pointers", "run git annex get there", rb"[./]*(git)?/annex/objects/"),
    _kind("a web page", "web pages", "download the photos themselves", rb"\s*<(!doctype html|html|head|body|script)"),
    _kind("XML", "XML", "download the photos themselves", rb"(\xef\xbb\xbf)?\s*<(\?xml|error|svg)"),
    _kind("JSON", "JSON", "download the photos themselves", rb"\s*[{\[]\s*[\"\]}{]"),
    _kind(
        *("macOS's notes of a file (AppleDouble)", "macOS's notes of files (AppleDouble)"),
        *("copy the photos themselves, whose names do not begin with ._", rb"\0\x05\x16[\0\x07]"),
    ),
    _kind("zeros", "zeros", _AGAIN, rb"\0+\Z"),
    _kind("a HEIC photo", "HEIC photos", _CONVERT, rb".{4}ftyp(hei|hev|mif1|msf1)"),
    _kind("an AVIF photo", "AVIF photos", _CONVERT, rb".{4}ftypavi"),
    _kind("a GIF picture", "GIF pictures", _CONVERT, rb"GIF8"),
    _kind("a BMP picture", "BMP pictures", _CONVERT, rb"BM.{4}\0{4}"),
    _kind("a TIFF picture", "TIFF pictures", _CONVERT, rb"II\*\0|MM\0\*"),
    _kind("a JPEG XL picture", "JPEG XL pictures", _CONVERT, rb"\xff\x0a|\0{3}\x0cJXL "),
    _kind("a JPEG 2000 picture", "JPEG 2000 pictures", _CONVERT, rb"\xff\x4f\xff\x51|\0{3}\x0cjP  "),
    _kind("a film", "films", "take photos out of them", rb".{4}ftyp(isom|iso2|mp4|qt  |avc1|M4V|3gp)|RIFF.{4}AVI "),
    _kind("a ZIP archive", "ZIP archives", "unpack them", rb"PK\x03\x04"),
    _kind("a PDF", "PDFs", "take the photos out of them", rb"%PDF-"),
)


def kind_of(file: Path) -> Kind | None:
    """Tell what a file is that cannot be read as a photo; None where that is not known, or it cannot be read at all."""
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError:
        return None
    return next((kind for kind in KINDS if kind.told.match(head)), None)
