"""CSVs and names as spreadsheets and other systems write them."""

import pytest

from common.errors import LabelError
from data_prep.layouts import manifest
from tests.data_prep.drawn_layouts import draw, write_csv


@pytest.fixture
def read(tmp_path):
    """Reads a CSV of these rows; a.jpg is there."""
    draw(tmp_path / "images" / "a.jpg", "none", "male", 20)

    def read_rows(header, *rows):
        return manifest.read(tmp_path / "images", write_csv(tmp_path / "mine.csv", header, *rows)).photos

    return read_rows


WRITTEN = {
    "with semicolons": b"path;mask;age\na.jpg;none;37,5\n",
    "with semicolons and a mark of bytes": "\ufeffpath;mask;age\r\na.jpg;none;37,5\r\n".encode(),
    "with tabs, in 16 bits": "path\tmask\tage\r\na.jpg\tnone\t37,5\r\n".encode("utf-16"),
    "with a line for Excel": b"sep=;\r\npath;mask;age\r\na.jpg;none;37\r\n",
    "with empty columns": b"path,mask,age,,\na.jpg,none,37,,\n,,,,\n",
    "with a semicolon in a cell": b'path,mask,age,"note; mine"\na.jpg,none,37,x\n',
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_csv_is_read_as_spreadsheets_write_it(tmp_path, read, how):
    (tmp_path / "mine.csv").write_bytes(WRITTEN[how])
    (photo,) = manifest.read(tmp_path / "images", tmp_path / "mine.csv").photos
    assert (photo.path, photo.mask, photo.age) == ("a.jpg", "none", (37, 37))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("path,person,age\na.jpg,J\u00fcrgen,20\n".encode("cp1252"), "not UTF-8 at byte 23; save it as CSV UTF-8"),
        (b"PK\x03\x04" + bytes(range(256)), "an Excel workbook, or an archive; save it as CSV UTF-8"),
        (b"", "its first line is empty, and should name the columns"),
        (b"\n\npath,mask\na.jpg,none\n", "its first line is empty, and should name the columns"),
    ],
)
def test_a_file_that_no_csv_can_be_read_from_says_what_to_do(tmp_path, read, content, why):
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(LabelError, match=rf"mine\.csv is not a CSV file that can be read: .*{why}"):
        manifest.read(tmp_path / "images", tmp_path / "mine.csv")


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("IMG_1.JPG", "img_1.jpg"),
        ("Far/Off/x.jpg", "far/off/X.jpg"),
        ("deep/\u00fc.jpg", "deep/u\u0308.jpg"),
        ("u\u0308/x.jpg", "\u00fc/x.jpg"),
    ],
)
def test_a_name_is_found_by_what_is_read_and_kept_as_it_is_on_the_disk(tmp_path, read, there, written):
    draw(tmp_path / "images" / there, "none", "male", 20)
    assert [photo.path for photo in read("path,mask", f"{written},none", "a.jpg,none")] == [there, "a.jpg"]


def test_a_name_that_two_photos_may_be_meant_by_is_none(tmp_path, read):
    for name in ("x.JPG", "X.jpg"):
        draw(tmp_path / "images" / name, "none", "male", 20)
    assert read("path,mask", "X.jpg,none")[0].path == "X.jpg"
    with pytest.raises(LabelError, match=r"no photo x\.jpg in .*; mend the row, or take it out"):
        read("path,mask", "x.jpg,none")
    with pytest.raises(LabelError, match=r"row 3: path 'a\.jpg' is row 2's too"):
        read("path,mask", "a.jpg,none", "A.JPG,none")
