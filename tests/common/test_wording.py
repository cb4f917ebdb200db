import pytest

from common.wording import counted, things


@pytest.mark.parametrize(
    ("number", "one", "said"),
    [
        *((0, "trial", "0 trials"), (1, "trial", "1 trial"), (14400, "trial", "14400 trials")),
        *((1, "test person", "1 test person"), (2, "test person", "2 test people"), (2, "class", "2 classes")),
        *((1.0, "GPU-hour", "1 GPU-hour"), (0.5, "hour", "0.5 hours"), (2, "fresh seed", "2 fresh seeds")),
    ],
)
def test_what_is_counted_has_the_word_that_goes_with_its_number(number: float, one: str, said: str) -> None:
    assert counted(number, one) == said


def test_verbs_go_with_the_number_too() -> None:
    assert [things(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]
