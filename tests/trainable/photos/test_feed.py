import numpy as np
import pytest
import torch

from trainable.photos.feed import Resident, Streamed, ahead, choose

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", [Streamed, lambda store, device: Resident(store, device, store.rows("val"))])
def test_batches_hold_the_stores_photos_in_the_order_asked(small_store, kind):
    rows = small_store.rows("val")[::-1]
    batches = list(kind(small_store, CPU).batches([rows[:5], rows[5:7]], (23, 23), 180.0))
    assert [tuple(batch.shape) for batch in batches] == [(5, 32, 24, 3), (2, 32, 24, 3)]
    assert np.array_equal(np.concatenate(batches), small_store.read(rows[:7]))


def test_streamed_and_resident_photos_have_the_same_margin_around_the_crop(small_store):
    rows = [small_store.rows("train")[:9], small_store.rows("train")[3:5]]
    feeds = Streamed(small_store, CPU), Resident(small_store, CPU, small_store.rows("train"))
    for crop, angle in (((16, 12), 0.0), ((16, 12), 15.0), ((23, 23), 180.0)):
        streamed, resident = (list(feed.batches(rows, crop, angle)) for feed in feeds)
        assert all(torch.equal(one, other) for one, other in zip(streamed, resident, strict=True))


def test_a_row_that_is_not_resident_is_no_other_photo(small_store):
    feed = Resident(small_store, CPU, small_store.rows("val"))
    with pytest.raises(IndexError, match="not resident"):
        list(feed.batches([small_store.rows("train")[:2]], (23, 23), 0.0))


@pytest.mark.parametrize("kind", [Streamed, lambda store, device: Resident(store, device, store.rows("val"))])
def test_no_rows_give_no_batches(small_store, kind):
    assert list(kind(small_store, CPU).batches([], (23, 23), 0.0)) == []


def test_on_a_cpu_photos_stay_in_the_page_cache(small_store):
    assert isinstance(choose(small_store, CPU), Streamed)


@pytest.mark.parametrize(
    ("free", "total", "kind"), [(2**30, 2**30, Resident), (2**30, 2**20, Streamed), (2**20, 2**30, Streamed)]
)
def test_photos_are_resident_where_they_leave_the_gpu_room_and_the_log_says_so(
    small_store, monkeypatch, free, total, kind
):
    said, made = [], []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, total))
    monkeypatch.setattr("trainable.photos.feed.Resident", lambda store, device, rows: made.append(rows) or Resident)
    monkeypatch.setattr("trainable.photos.feed.Streamed", lambda store, device: Streamed)
    assert choose(small_store, torch.device("cuda"), said.append) is kind
    assert len(said) == 1
    assert ("stay on the GPU" in said[0]) == (kind is Resident)
    if kind is Resident:
        assert len(made[0]) == 48 * 7  # train and val people


def test_work_is_done_one_ahead_in_order_and_no_further():
    done = []
    results = ahead(lambda item: done.append(item) or item * 10, range(5))
    assert next(results) == 0
    assert set(done) <= {0, 1}
    assert list(results) == [10, 20, 30, 40]


def test_an_error_in_the_work_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda item: 1 // item, [1, 0, 1]))


def test_photos_that_do_not_fit_after_all_are_streamed_and_the_log_says_so(small_store, monkeypatch):
    said = []

    def full(*given):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**40, 2**40))
    monkeypatch.setattr("trainable.photos.feed.Resident", full)
    monkeypatch.setattr("trainable.photos.feed.Streamed", lambda store, device: Streamed)
    assert choose(small_store, torch.device("cuda"), said.append) is Streamed
    assert said[1:] == ["the GPU has no room for the photos now: they are streamed to it"]


def test_a_batch_that_the_device_has_no_room_for_yet_waits_on_the_host(small_store):
    class Full:
        def to(self, device, non_blocking):
            raise torch.OutOfMemoryError("CUDA out of memory")

    class Broken:
        def to(self, device, non_blocking):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    feed, photos = Streamed(small_store, CPU), Full()
    assert feed._moved(photos) is photos
    with pytest.raises(RuntimeError, match="illegal"):
        feed._moved(Broken())
