import pytest

from data_prep.store.meta import Contents, StoreMeta, store_json
from data_prep.store.moments import Moments

ROW = {"path": "a.jpg", "person": "a", "mask": "none", "gender": "male", "age": 20, "split": "train"}
SHARD = {"file": "images-00000.npy", "photos": 1, "sha256": "0" * 64}


def contents(**changes):
    return Contents(**{"size": (40, 30), "rows": [ROW], "shards": [SHARD], "moments": Moments(1)} | changes)


def test_what_is_not_said_of_a_store_has_a_default():
    found = store_json(contents(), StoreMeta())
    assert found["profile"] == "reference" and found["bands"] == [30, 60] and found["source_size"] == [40, 30]
    assert found["background"] == {"method": "keep", "model": None, "sha256": None} and found["masks"] is None
    assert found["counts"] == {"photos": 1, "people": 1, "splits": {"train": {"photos": 1, "people": 1}}}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bands": (60, 30)}, r"bands: 0 < first < second must hold, but got \(60, 30\)"),
        ({"source_size": (0, 30)}, r"source_size: height and width above 0 are needed, but got \(0, 30\)"),
        ({"background": {"method": "keep"}}, "background must have method, model, sha256, but has method"),
    ],
)
def test_what_no_store_can_say_is_refused_when_it_is_said(wrong, said):
    with pytest.raises(ValueError, match=said):
        StoreMeta(**wrong)


def test_every_photo_has_a_row():
    with pytest.raises(ValueError, match="rows: one a photo is needed, but got 2 of 1 photo"):
        contents(rows=[ROW, ROW])
