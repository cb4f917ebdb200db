import io

import pytest
from PIL import Image

from common.errors import PhotoError
from data_prep.layouts.listing import Photo
from data_prep.photos.decode import upright_size
from data_prep.survey.identical import described, identical
from data_prep.survey.looks import Look, look, refuse_what_is_none, sizes


def files(folder, *contents):
    for i, data in enumerate(contents):
        (folder / f"{i}.jpg").write_bytes(data)
    return [Photo(folder / f"{i}.jpg", f"{i}.jpg", f"{i}.jpg") for i in range(len(contents))]


def looks(*found):
    return [Look(size, "") for size in found]


def test_sizes_are_summed_up_by_their_area():
    found = sizes(looks((30, 30), (200, 200), (200, 200), (1500, 2000), None), stored=(60, 60))
    assert found == {
        "smallest": [30, 30],
        "largest": [1500, 2000],
        "commonest": [200, 200],
        "share": 0.5,
        "enlarged": 0,
    }


@pytest.mark.parametrize(
    ("size", "enlarged"), [((32, 32), 0), ((31, 64), 1), ((64, 31), 1), ((31, 400), 1), ((400, 400), 0)]
)
def test_a_photo_is_enlarged_where_either_side_is_too_short(size, enlarged):
    assert sizes(looks(size), stored=(64, 64))["enlarged"] == enlarged


def test_files_that_differ_in_the_middle_alone_are_not_identical(tmp_path):
    long = bytes(9000)
    photos = files(tmp_path, long, long[:4500] + b"x" + long[4501:], long, b"short", b"short", b"other")
    seen = [Look((1, 1), look(photo.file).ends) for photo in photos]
    assert seen[0] == seen[1]
    assert identical(photos, seen) == [[0, 2], [3, 4]]


def test_files_that_are_no_photos_are_nobodys_twins(tmp_path):
    photos = files(tmp_path, b"", b"", b"no photo", b"no photo")
    assert identical(photos, [look(photo.file) for photo in photos]) == []


def test_a_change_at_either_end_is_seen(tmp_path):
    long = b"head" + bytes(20000) + b"tail"
    photos = files(tmp_path, long, long.replace(b"head", b"Head"), long.replace(b"tail", b"Tail"), long + b"\0")
    assert len({look(photo.file).ends for photo in photos}) == 4


def test_only_labels_that_cannot_both_be_right_contradict_each_other():
    def twins(**labels):
        photos = [
            Photo(path, path, path, **{name: values[i] for name, values in labels.items()})
            for i, path in enumerate(("a", "b"))
        ]
        return described(photos, [[0, 1]])["contradict"]

    assert twins(mask=("worn", None), gender=("male", "male"), age=((20, 29), (29, 29))) == []
    assert twins(age=((20, 29), (30, 39))) == [{"paths": ["a", "b"], "age": ["20-29", "30-39"]}]
    assert twins(mask=("worn", "none"), gender=("male", "female")) == [
        {"paths": ["a", "b"], "mask": ["worn", "none"], "gender": ["male", "female"]}
    ]


LFS = b"version https://git-lfs.github.com/spec/v1\n"


@pytest.mark.parametrize(
    ("contents", "most", "said"),
    [
        ([LFS] * 3, 0.5, r"^3 of 3 photos are Git LFS pointers, not photos, e\.g\. 0\.jpg: run git lfs pull"),
        ([b"<html>"] * 2, 0.5, r"^2 of 2 photos are web pages, not photos"),
        ([b""] * 2, 0.5, r"^2 of 2 photos are empty files"),
        ([LFS, LFS, b"?"], 0.5, r"^3 of 3 photos cannot be read, 2 of them because they are Git LFS pointers"),
        ([b"?", b"!"], 0.5, r"^2 of 2 photos cannot be read, e\.g\. 0\.jpg: mend them$"),
    ],
)
def test_what_is_no_photo_at_all_is_said_in_one_line(tmp_path, contents, most, said):
    photos = files(tmp_path, *contents)
    with pytest.raises(PhotoError, match=said):
        refuse_what_is_none(photos, [look(photo.file) for photo in photos], most)


def test_a_few_that_are_no_photos_stop_nothing(tmp_path):
    photos = files(tmp_path, LFS, b"1", b"2", b"3")
    seen = looks(None, (1, 1), (1, 1), (1, 1))
    refuse_what_is_none(photos, seen, 0.25)
    with pytest.raises(PhotoError, match=r"1 of 4 photos are Git LFS pointers.*or allow a larger share"):
        refuse_what_is_none(photos, seen, 0.2)


def encoded(kind="JPEG", mode="RGB", **options):
    data = io.BytesIO()
    Image.new(mode, (30, 40)).save(data, kind, **options)
    return data.getvalue()


def test_a_look_sees_the_size_that_pillow_does(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    start = encoded().index(b"\xff\xc0") + 5
    too_large = encoded()[:start] + b"\xff\xff\xff\xff" + encoded()[start + 4 :]
    jpegs = [encoded(), encoded(progressive=True), encoded(exif=turned), encoded(mode="CMYK"), encoded(mode="L")]
    others = [encoded("PNG"), encoded("WEBP"), encoded("GIF"), encoded()[:200], encoded()[:-9], too_large, LFS, b""]
    seen = [look(photo.file).size for photo in files(tmp_path, *jpegs, *others)]
    assert seen == [upright_size(tmp_path / f"{i}.jpg") for i in range(len(seen))]
    assert seen[:3] == [(40, 30), (40, 30), (30, 40)] and seen[-6:] == [None, None, (40, 30), None, None, None]
