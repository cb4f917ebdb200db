import numpy as np
import pytest
import torch

from trainable.config import Crop, Model
from trainable.network.model import build, place
from trainable.photos.feed import Streamed
from trainable.photos.params import View
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import predict, predict_photos

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


def test_views_are_averaged_as_probabilities(network, small_store, preprocessing):
    rows, views = small_store.rows("test")[:20], (View(), View(flip=True), View(10.0))
    alone = [predict(network, Streamed(small_store, CPU), rows, preprocessing, views=[view]) for view in views]
    assert predict(network, Streamed(small_store, CPU), rows, preprocessing, views=views) == pytest.approx(
        np.mean(alone, 0), abs=2e-3
    )
    assert not np.allclose(alone[0], alone[1], atol=1e-4)


def test_photos_at_hand_are_predicted_like_those_of_a_store(network, small_store, preprocessing):
    rows, views = small_store.rows("test")[:20], (View(), View(-7.0, flip=True))
    whole = small_store.read(rows)
    found = predict_photos(network, whole, preprocessing, device=CPU, views=views)
    assert found == pytest.approx(
        predict(network, Streamed(small_store, CPU), rows, preprocessing, views=views), abs=2e-3
    )


def test_no_photos_give_no_predictions(network, small_store, preprocessing):
    assert predict(network, Streamed(small_store, CPU), np.array([], dtype=np.int64), preprocessing).shape == (0, 18)


def test_predicting_leaves_weights_and_running_statistics_alone(network, small_store, preprocessing):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    predict(network, Streamed(small_store, CPU), small_store.rows("val")[:8], preprocessing)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
