"""A member as ONNX predicts what PyTorch predicts, its preprocessing included."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from common.errors import ModelError, OptionError
from ensemble import export
from ensemble.model import onnx_file
from ensemble.model.leaving import Leaving
from ensemble.model.onnx_file import WholeMember, check_onnx, write_onnx
from ensemble.model.write import write_folder, write_single_file
from trainable.photos.preprocessing import Preprocessing

pytestmark = pytest.mark.usefixtures("one_thread", "_small_networks")

PHOTOS = np.random.default_rng(0).integers(0, 256, (5, 33, 24, 3), np.uint8)
SIZE = (33, 24)


def small_member(crop: tuple[int, int], size: tuple[int, int], networks: int = 1) -> tuple[WholeMember, Preprocessing]:
    torch.manual_seed(0)
    preprocessing = Preprocessing(crop, size, (0.1, 0.5, 0.6), (0.2, 0.3, 0.25))
    layers = [
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        for _ in range(networks)
    ]
    made = [nn.Sequential(*layer, nn.Linear(8, 18)).eval() for layer in layers]
    return WholeMember(list(made), preprocessing, SIZE).eval(), preprocessing


@pytest.mark.parametrize(
    ("crop", "size", "networks"),
    [((33, 24), (33, 24), 1), ((21, 10), (21, 10), 1), ((20, 11), (13, 8), 3), ((20, 21), (41, 60), 1)],
)
def test_crop_resize_and_colours_are_validations(
    crop: tuple[int, int], size: tuple[int, int], networks: int, tmp_path: Path
) -> None:
    member, preprocessing = small_member(crop, size, networks)
    write_onnx(member, PHOTOS, tmp_path / "member.onnx")
    assert check_onnx(tmp_path / "member.onnx", member, preprocessing, PHOTOS) < 2e-5
    session = onnxruntime.InferenceSession(tmp_path / "member.onnx")
    for n in (1, 5):
        [found] = session.run(["probabilities"], {"photos": PHOTOS[:n]})
        assert found.shape == (n, 18) and np.allclose(found.sum(axis=1), 1)


def test_a_file_that_predicts_something_else_is_refused(tmp_path: Path) -> None:
    member, _ = small_member((20, 11), (20, 11))
    _, other = small_member((22, 11), (20, 11))
    write_onnx(member, PHOTOS, tmp_path / "member.onnx")
    with pytest.raises(
        ModelError, match=r"^--onnx: member\.onnx is 0\.\d+ from PyTorch on 5 photos, and 0\.001 is all"
    ):
        check_onnx(tmp_path / "member.onnx", member, other, PHOTOS)


def alone(chosen: Leaving) -> Leaving:
    """Its second member, whose crop is resized."""
    [_, second] = chosen.choice.members
    return replace(chosen, choice=replace(chosen.choice, members=(replace(second, weight=1.0),)))


def test_how_far_each_member_is_from_pytorch_is_kept_and_told(chosen: Leaving, tmp_path: Path) -> None:
    [member] = write_folder(alone(chosen), tmp_path / "model", onnx=True).members
    assert member.onnx is not None
    assert member.onnx["file"] == "member-01.onnx" and member.onnx["photos"] == len(chosen.store.rows("val"))
    assert 0 <= member.onnx["largest_difference"] <= onnx_file.MOST
    told = " ".join((tmp_path / "model/README.md").read_text().split())
    assert f"no probability was more than {member.onnx['largest_difference']:.1g} from PyTorch's" in told
    assert "uint8 [n, 32, 24, 3]" in told


def test_a_model_that_cannot_be_written_whole_is_not_written(
    chosen: Leaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "MOST", -1.0)
    for write, place in ((write_folder, "model"), (write_single_file, "model.zip")):
        with pytest.raises(ModelError, match=r"^--onnx: member-01\.onnx is .* from PyTorch"):
            write(alone(chosen), tmp_path / place, onnx=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_package_that_is_missing_is_named_before_anything_is_read(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OptionError, match=f"^--onnx: the package {package} is needed: pip install {package}$"):
        export.main(["--search", "nowhere", "--out", "model", "--onnx"])
