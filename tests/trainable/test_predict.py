import numpy as np
import pytest
import torch

from trainable.config import Crop, Model
from trainable.network.model import build, place
from trainable.photos.feed import Streamed
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import in_parts, predict

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    return place(build(Model("resnet18", "none"), seed=5), CPU)


@pytest.fixture
def preprocessing(small_store):
    return Preprocessing.of(Crop(), small_store)


def test_predictions_are_a_softmax_over_the_classes_in_the_order_of_the_rows(network, small_store, preprocessing):
    rows = small_store.rows("val")
    found = predict(network, Streamed(small_store, CPU), rows, preprocessing)
    assert found.dtype == np.float32
    assert found.shape == (84, 18)
    assert found.sum(axis=1) == pytest.approx(np.ones(84), abs=1e-5)
    assert predict(network, Streamed(small_store, CPU), rows[::-1], preprocessing)[::-1] == pytest.approx(
        found, abs=2e-3
    )


def test_no_photo_is_lost_to_the_batch_size(network, small_store, preprocessing):
    rows = small_store.rows("val")
    by_sevens = predict(network, Streamed(small_store, CPU), rows, preprocessing, batch_size=11)
    assert by_sevens == pytest.approx(predict(network, Streamed(small_store, CPU), rows, preprocessing), abs=2e-3)


def test_no_photos_give_no_predictions(network, small_store, preprocessing):
    assert predict(network, Streamed(small_store, CPU), np.array([], dtype=np.int64), preprocessing).shape == (0, 18)


def test_predicting_leaves_weights_and_running_statistics_alone(network, small_store, preprocessing):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    predict(network, Streamed(small_store, CPU), small_store.rows("val")[:8], preprocessing)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_batch_for_which_memory_is_short_is_halved_and_so_are_those_after_it():
    taken = []

    def work(photos):
        taken.append(len(photos))
        if len(photos) > 6:
            raise torch.OutOfMemoryError("out of memory, as a test pretends")
        return photos * 2

    batches = list(torch.arange(60).split(20))
    assert torch.cat(list(in_parts(work, batches, CPU))).tolist() == list(range(0, 120, 2))
    assert taken == [20, 10, *[5] * 12]


def test_one_photo_that_does_not_fit_and_other_errors_are_raised():
    def refuse(photos):
        raise torch.OutOfMemoryError("out of memory")

    def fail(photos):
        raise RuntimeError("another error")

    for work, error in ((refuse, "out of memory"), (fail, "another error")):
        with pytest.raises(RuntimeError, match=error):
            list(in_parts(work, [torch.zeros(4)], CPU))
