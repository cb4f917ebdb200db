import threading

import pytest
import torch

from ensemble.voting.cores import on_all_cores

NUMBERS = torch.arange(10)


@pytest.fixture
def _three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_three_threads")
def test_each_thread_does_a_part_alone_and_the_order_stays():
    parts = []

    def work(numbers):
        parts.append((threading.get_ident(), torch.get_num_threads(), numbers.tolist()))
        return numbers * 2

    with on_all_cores(work) as shared:
        assert shared(NUMBERS).tolist() == (NUMBERS * 2).tolist()
        assert sorted(numbers for _, _, numbers in parts) == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
        assert {threads for _, threads, _ in parts} == {1}
        assert threading.get_ident() not in {thread for thread, _, _ in parts}
        parts.clear()
        assert shared(NUMBERS[:2]).tolist() == [0, 2]
        assert len(parts) == 2


@pytest.mark.usefixtures("_three_threads")
@pytest.mark.parametrize("fails", [False, True])
def test_torch_has_as_many_threads_afterwards(fails):
    def work(numbers):
        if fails and 9 in numbers:
            raise ValueError("nine")
        return numbers

    if fails:
        with pytest.raises(ValueError, match="nine"), on_all_cores(work) as shared:
            shared(NUMBERS)
    else:
        with on_all_cores(work) as shared:
            shared(NUMBERS)
    counts = [torch.get_num_threads()]
    new = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert counts == [3, 3]


@pytest.mark.usefixtures("one_thread")
def test_one_core_needs_no_threads():
    work = NUMBERS.add
    with on_all_cores(work) as shared:
        assert shared is work
