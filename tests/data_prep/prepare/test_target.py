from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import OptionError
from data_prep.photos.background import Background
from data_prep.prepare.inputs import Source
from data_prep.prepare.target import Target, Workforce, whole_name


def test_a_model_of_ones_own_is_named_by_its_whole_path_and_a_method_by_its_name(tmp_path):
    assert whole_name("model.onnx") == str(tmp_path / "model.onnx")
    assert whole_name("/models/a.onnx") == "/models/a.onnx" and whole_name("sample") == "sample"


def test_a_background_that_is_one_already_is_used_as_it_is():
    background = Background("own", "half.onnx", "0" * 64, lambda photo: photo)
    target = Target(Path("store"), background)
    assert target.named() == target.loaded() == replace(background, implausible="keep")
    assert Target(Path("store"), "keep").loaded().segment is None


def test_what_cannot_be_asked_for_is_refused_when_it_is_asked_for():
    with pytest.raises(OptionError, match="--size: sides must be 8 to 4096 pixels, but got 5x20"):
        Target(Path("store"), size=(5, 20))
    with pytest.raises(OptionError, match="--allow-left-out must be a share, 0 to 1, but is 5"):
        Target(Path("store"), max_left_out=5)
    with pytest.raises(OptionError, match="--implausible must be one of keep, remove, leave-out, but is 'drop'"):
        Target(Path("store"), implausible="drop")
    with pytest.raises(OptionError, match="--implausible remove: --background keep makes no masks"):
        Target(Path("store"), "keep", implausible="remove")
    with pytest.raises(OptionError, match="--bands: 1 <= first < second <= 120 must hold, but got 60,30"):
        Source(Path("images"), bands=(60, 30))
    with pytest.raises(OptionError, match="--workers must be 1 or more, but is 0"):
        Workforce(workers=0)
