"""Archives of a model that somebody forged: nothing but plain files comes out of one, and only into its folder."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from common.security.archives import is_plain, unpack

WANTED = ("model.json", "weights-01.safetensors")


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_the_files_that_are_wanted_are_copied_as_they_are(tmp_path: Path) -> None:
    unpack(zipped(("model.json", b"{}"), ("weights-01.safetensors", b"abc"), ("README.md", b"x")), tmp_path, WANTED)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "model.json": b"{}",
        "weights-01.safetensors": b"abc",
    }


@pytest.mark.parametrize(
    "name",
    [
        "../model.json",
        "/tmp/model.json",
        "a/model.json",
        "..",
        ".hidden",
        "",
        "C:\\x",
        "a\\b",
        "\u0430.json",
        "a" * 300,
    ],
)
def test_a_name_that_is_a_path_or_no_plain_name_is_refused(name: str, tmp_path: Path) -> None:
    assert not is_plain(name)
    if name:
        with pytest.raises(ValueError, match="is not the plain name of a file"):
            unpack(zipped((name, b"{}")), tmp_path, {name})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_would_unpack_to_more_is_not_unpacked(compression: int, tmp_path: Path) -> None:
    bomb = zipped(("model.json", bytes(2**22)), compression=compression)
    with pytest.raises(ValueError, match=r"model\.json is compressed or encrypted"):
        unpack(bomb, tmp_path, WANTED)
    assert list(tmp_path.iterdir()) == []


def test_links_and_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^model\.json is a link$"):
        unpack(zipped((link("model.json"), b"/etc/passwd")), tmp_path, WANTED)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        pytest.raises(ValueError, match="two of its files have one name"),
    ):
        unpack(zipped(("model.json", b"a"), ("model.json", b"b")), tmp_path, WANTED)


def test_files_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    """The central directory names the one stored file under a hundred names: each would be a copy of it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a0", bytes(10_000))
        first = archive.filelist[0]
        for number in range(1, 100):
            other = zipfile.ZipInfo(f"a{number}")
            for field in ("CRC", "compress_size", "file_size", "header_offset"):
                setattr(other, field, getattr(first, field))
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other
        archive._didModify = True
    with pytest.raises(ValueError, match=r"its files lie over each other|Overlapped"):
        unpack(stream, tmp_path, {f"a{number}" for number in range(100)})


@pytest.mark.parametrize("kept", [0, 10, 60, -1, -30])
def test_what_is_no_archive_or_is_cut_short_is_a_value_error_of_a_line(kept: int, tmp_path: Path) -> None:
    whole = zipped(("model.json", b"{}" * 40)).getvalue()
    with pytest.raises(ValueError) as refusal:
        unpack(io.BytesIO(whole[:kept]), tmp_path, WANTED)
    assert str(refusal.value) and "\n" not in str(refusal.value)


def test_a_byte_that_changed_is_found(tmp_path: Path) -> None:
    content = zipped(("model.json", b"{}" * 40)).getvalue().replace(b"{}{}", b"{}[]", 1)
    with pytest.raises(ValueError, match="CRC"):
        unpack(io.BytesIO(content), tmp_path, WANTED)
