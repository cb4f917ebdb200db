"""Wrong arguments are told before anything is made, and before what takes seconds is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from common.errors import MasktuneError
from common.repository import ROOT
from tuning.command import at_once
from tuning.command.options import parsed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--arch resnet8", "--arch resnet8: no such network; did you mean resnet18?"),
        ("--arch x", "they are resnet50, resnet18"),
        ("--space agebands", "no such space: 'agebands'; did you mean age_bands? The known ones are"),
        ("--space age_bands+crop_size", "no such space: 'crop_size'; did you mean crop_sizes?"),
        ("--set loss/smothing=1", "--set loss/smothing: no such setting; did you mean loss/smoothing?"),
        ("--set zzz=1", "--set zzz: no such setting; trainable/config.py has all"),
        ("--trials many", "--trials: a number is needed"),
        ("--hours +2", "--hours +2: there was no such limit to add to"),
        ("--name a/b", "--name: a plain folder name is needed"),
        ("--data nowhere", "nowhere does not exist: make a store"),
        ("--resume nowhere", "nowhere holds no search"),
    ],
)
def test_a_wrong_argument_is_told_at_once(words: str, said: str) -> None:
    with pytest.raises(MasktuneError) as told:
        at_once.check(parsed(["--space", "age_bands", *words.split()]))
    assert said in str(told.value)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--space ./mine.py:SPACE+crop_sizes",
        "--trials 5 --set loss/smoothing=0.1 --arch resnet18 --name five --data s3://a/b",
    ],
)
def test_what_may_be_right_passes(words: str) -> None:
    at_once.check(parsed(["--space", "age_bands", *words.split()]))


def test_it_waits_for_nothing_that_takes_seconds() -> None:
    code = "import sys, tuning.command.at_once; print(sorted({'torch', 'ray', 'optuna', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
