"""The built-in sample from drawing to store, through rembg with the sample's own segmenter."""

import numpy as np

from common.files import file_sha256
from data_prep.photos import background
from data_prep.prepare.like import Treatment, prepare_like
from data_prep.sample.draw import draw
from tests.data_prep.preparing import prepared


def test_a_drawn_sample_becomes_a_store_of_portraits_on_black(tmp_path, home):
    draw(tmp_path / "sample", people=6, eval_people=1, workers=1)
    train = tmp_path / "sample/train"
    store = prepared(
        train / "images",
        train / "train.csv",
        tmp_path / "store",
        eval_dir=tmp_path / "sample/eval",
        background="sample",
        size=(96, 72),
        progress=False,
    )
    assert store.profile == "sample" and store.source_size == (512, 384) and len(store) == 49
    assert store.meta["background"]["sha256"] == file_sha256(background.SAMPLE_MODEL)
    assert store.meta["masks"]["implausible"] == []
    portraits = store.read(range(42))
    assert np.median(portraits[:, :6].max(axis=(1, 2, 3))) <= 2
    assert portraits[:, 40:56, 28:44].mean() > 60
    names, eval_photos = prepare_like(Treatment.of_store(store), tmp_path / "sample/eval/images")
    by_name = dict(zip(names, eval_photos, strict=True))
    for row in store.rows("eval"):
        assert np.array_equal(store.read([row])[0], by_name[store.index["path"][row]])
