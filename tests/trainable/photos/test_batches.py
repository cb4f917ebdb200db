import numpy as np
import pytest

from common.errors import ConfigError
from data_prep.labels import age_band
from trainable.config import Labels
from trainable.photos.batches import alike, generator, shuffled, slices, training_set


def test_training_classes_follow_the_trials_bands_and_leave_out_its_gaps(small_store):
    rows, classes = training_set(Labels(young_below=29, old_from=58, young_gap=5), small_store)
    ages = small_store.age_min[rows]
    assert set(ages.tolist()) == {20, 28, 45, 58, 60}  # 33 lies in the gap 29..33
    assert np.array_equal(classes % 3, age_band(ages, (29, 58)))
    assert set(rows.tolist()) <= set(small_store.rows("train").tolist())


def test_bands_that_leave_nobody_to_train_on_are_an_error(small_store):
    with pytest.raises(ConfigError, match="leave 0 of 252 train photos"):
        training_set(Labels(young_below=1, old_from=100, young_gap=60), small_store)


def test_a_class_without_any_photo_is_fine(small_store):
    _, classes = training_set(Labels(old_from=99), small_store)
    assert set((classes % 3).tolist()) == {0, 1}


def test_generators_of_different_keys_share_nothing():
    first = {key: shuffled(1000, generator(*key)).tolist() for key in [(1, 0, 0), (1, 1, 0), (2, 0, 0), (1, 0, 1)]}
    assert len({tuple(order) for order in first.values()}) == 4
    assert first[(1, 1, 0)] == shuffled(1000, generator(1, 1, 0)).tolist()
    assert sorted(first[(1, 0, 0)]) == list(range(1000))


@pytest.mark.parametrize(("n", "lengths"), [(64, [32, 32]), (65, [32, 32]), (66, [32, 32, 2]), (2, [2])])
def test_a_last_batch_is_kept_unless_it_is_a_single_photo(n, lengths):
    assert [part.stop - part.start for part in slices(n, 32, smallest=2)] == lengths


def test_without_a_smallest_no_photo_is_lost():
    assert [part.stop - part.start for part in slices(65, 32)] == [32, 32, 1]


@pytest.mark.parametrize(
    ("n", "most", "batches"),
    [
        (0, 4, []),
        (3, 4, [[0, 1, 2]]),
        (8, 4, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (9, 4, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]),
        (10, 4, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]]),
        (5, 1, [[0], [1], [2], [3], [4]]),
    ],
)
def test_batches_of_one_size_hold_every_position_once_and_then_the_last_one_again(n, most, batches):
    assert [batch.tolist() for batch in alike(n, most)] == batches


def test_batches_of_one_size_are_few_and_hardly_longer_than_what_they_hold():
    for n in range(1, 300):
        found = alike(n, 32)
        assert len({len(batch) for batch in found}) == 1
        assert len(found) == -(-n // 32)
        assert 0 <= sum(map(len, found)) - n < len(found)
