"""Tells a plain JPEG by its first bytes, as most photos are: upright, RGB, and how large.

Pillow, which reads all of a header into objects, takes ten times as long. It decides on every file that is, or may be,
another kind.
"""

from __future__ import annotations

HEAD = 4096
"""Bytes at the beginning of a file that hold a plain JPEG's header."""

_START, _START_OF_SCAN, _QUANTIZATION, _JFIF = b"\xff\xd8", 0xDA, 0xDB, 0xE0
_FRAMES = frozenset(b"\xc0\xc1\xc2")
_PASSED = frozenset(b"\xc4\xdd\xfe")
"""Segments that Pillow passes over: Huffman tables, restarts, comments."""

_TABLE = 65
"""Bytes of a quantization table of 8 bits: its number, and 8 x 8 of them."""


def plain_jpeg(head: bytes) -> tuple[int, int] | None:
    """Read (height, width) of an upright RGB JPEG; None where `head`, its first bytes, leave a doubt that it is one.

    EXIF, which may turn a photo, is such a doubt, and so is whatever else Pillow would look at twice.
    """
    if not head.startswith(_START):
        return None
    size, at = (0, 0), len(_START)
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        segment, at = head[at + 4 : at + 2 + length], at + 2 + length
        if length < 2 or at > len(head):
            return None
        if marker == _START_OF_SCAN:
            return size if all(size) else None
        if marker in _FRAMES and len(segment) == 15 and segment[0] == 8 and segment[5] == 3:
            size = int.from_bytes(segment[1:3]), int.from_bytes(segment[3:5])
        elif not _says_nothing(marker, segment):
            return None
    return None


def _says_nothing(marker: int, segment: bytes) -> bool:
    """Say whether a segment is whole, and tells nothing of size, colours and orientation."""
    if marker == _QUANTIZATION:
        return len(segment) % _TABLE == 0 and max(segment[::_TABLE], default=0) < 16
    return marker in _PASSED or (marker == _JFIF and len(segment) >= 14)
