import threading

import pytest

from common import patience
from common.patience import patiently


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE", 0.001)


def failing(times, error=OSError):
    """What raises so many errors, each with its number, and then returns that of the try."""
    tries = iter(range(1, 10**9))

    def act():
        if (number := next(tries)) <= times:
            raise error(f"{number}")
        return number

    return act


def test_what_succeeds_at_once_is_not_spoken_of():
    said = []
    assert patiently(failing(0), on_wait=said.append, on_success=lambda: said.append("success")) == 1
    assert said == []


def test_what_fails_is_tried_until_it_succeeds_and_the_first_error_is_told():
    said = []
    assert (
        patiently(failing(3), on_wait=lambda error: said.append(str(error)), on_success=lambda: said.append("4")) == 4
    )
    assert said == ["1", "4"]


def test_other_errors_are_raised_at_once():
    with pytest.raises(ValueError, match="1"):
        patiently(failing(2, ValueError))
    assert patiently(failing(2, ValueError), errors=(OSError, ValueError)) == 3


def test_after_some_seconds_the_last_error_is_raised():
    with pytest.raises(OSError, match=r"\d+") as raised:
        patiently(failing(10**9), seconds=0.05)
    assert int(str(raised.value)) > 1


def test_an_event_ends_the_wait(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE", 60)
    ended = threading.Event()
    with pytest.raises(OSError, match="1"):
        patiently(failing(10**9), ended=ended, on_wait=lambda error: ended.set())
