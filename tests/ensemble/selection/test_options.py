import argparse

import pytest

from common.errors import OptionError
from ensemble.select_and_predict import parser
from ensemble.selection.options import Options, asked_for, members


def asked(*arguments: str) -> dict[str, object]:
    return asked_for(parser().parse_args(list(arguments)))


def test_what_is_not_asked_for_has_its_default() -> None:
    assert asked() == {}
    assert Options.of({}) == Options("greedy", 4, 5, False, False)
    assert asked("--tta", "1", "--temperature") == {"tta": 1, "temperature": True}


def test_members_that_are_named_have_equal_weights_unless_a_method_is_named_too() -> None:
    named = asked("--members", "trial-003, trial-007")
    assert named == {"members": ("trial-003", "trial-007")}
    assert Options.of(named).method == "top"
    assert Options.of({**named, "method": "weights"}).method == "weights"
    assert members("trial-003") == ("trial-003",) and members("7") == 7


@pytest.mark.parametrize("text", ["0", "-1", "", "a,", "a,a", ",", "+3"])
def test_members_that_are_neither_a_number_nor_names_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        members(text)
    with pytest.raises(OptionError, match="--members"):
        asked(f"--members={text}")


def test_a_method_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="--method"):
        asked("--method", "magic")
