import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.ensemble_inference.__main__ import SOURCES, main
from benchmarks.ensemble_inference.conventional import see
from benchmarks.trial_throughput import conventional
from ensemble.voting.tta import NAMES, views
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import look


@pytest.mark.parametrize("crop", [(20, 14), (36, 28)])
def test_the_loop_sees_the_same_views_but_for_whole_grey_levels(crop):
    smooth = np.add.outer(np.arange(40) * 3, np.arange(30) * 2)[:, :, None] + np.array([0, 20, 40])
    photos, preprocessing = smooth[None].astype(np.uint8), Preprocessing(crop, (18, 14), (0.5,) * 3, (0.5,) * 3)
    for view in views(len(NAMES)):
        ours = look(torch.from_numpy(photos), view, preprocessing, torch.device("cpu"))[0]
        theirs = see(Image.fromarray(photos[0]), view, preprocessing)
        off = (ours - theirs).abs() * 127.5
        # At its edge PIL does not mix a rotated photo with the black beyond it.
        assert off[:, 4:-4, 4:-4].max() <= 1.6, view.name


@pytest.mark.usefixtures("one_thread")
def test_the_loop_and_the_ensemble_answer_alike(smallest_store, capsys):
    asked = ["--arch", "resnet18", "--members", "2", "--views", "2", "--photos", "6", "-n", "1", "--threads", "1"]
    assert main(["--store", str(smallest_store.path), *asked]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    off = [float(row[-1].rstrip(" |")) for row in rows if "decoded" in row[0]]
    assert len(rows) == 7 and len(off) == 2 and max(off) < 1e-3


def test_sources_are_called_alike_everywhere():
    assert SOURCES == [conventional.JPEG, conventional.DECODED]
