"""What a worker on a cluster makes is what this machine makes; here without a cluster."""

import numpy as np
import pytest

from common.errors import StoreError
from data_prep.choices import IMPLAUSIBLE
from data_prep.layouts.folders import photos_below
from data_prep.photos import background as backgrounds
from data_prep.photos.background import Background
from data_prep.prepare.parts import Job, Part
from data_prep.prepare.this_machine import make_here
from data_prep.prepare.worker import Worker


def half_of_most(photo):
    mask = np.zeros((photo.height, photo.width), np.uint8)
    mask[:, photo.width // 2 if np.asarray(photo)[0, 0, 1] > 20 else photo.width - 1 :] = 255
    return mask


@pytest.mark.parametrize("implausible", IMPLAUSIBLE)
def test_a_worker_does_with_implausible_masks_what_the_job_says(raw, tmp_path, monkeypatch, implausible):
    monkeypatch.setattr(backgrounds, "load", lambda method: Background("own", "m.onnx", "0" * 64, half_of_most))
    photos = photos_below(raw.images).photos
    part = Part(0, photos, [True] * len(photos))
    sent = Background("own", "m.onnx", "0" * 64, implausible=implausible)
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    worker = Worker(Job(tmp_path / "there", (20, 16), sent), "m.onnx", sent.versions(), threads=2)
    worker.ready()
    there = worker.make(part)
    job = Job(tmp_path / "here", (20, 16), Background("own", "m.onnx", "0" * 64, half_of_most, implausible))
    ((_, here),) = make_here([part], job, 2, lambda *_: None)
    assert there == here and there.photos == 70
    assert len(there.dropped) == (10 if implausible == "leave-out" else 0)
    shards = [(tmp_path / where / "images-00000.npy").read_bytes() for where in ("here", "there")]
    assert shards[0] == shards[1]


def test_a_worker_that_does_not_see_the_store_says_where_it_must_lie(tmp_path):
    worker = Worker(Job(tmp_path / "nothing", (20, 16), Background()), "keep", {}, threads=1)
    with pytest.raises(StoreError, match="put --images and --out on storage that all machines share"):
        worker.ready()
