"""The committed segmenter, run by rembg itself on portraits of people it was not trained on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.photos.background import load
from data_prep.sample.scene import render, silhouette
from data_prep.sample.segmenter.__main__ import FILE, main
from data_prep.sample.segmenter.examples import MEAN, SIDE, STD, example, iou, rembg_input
from data_prep.sample.segmenter.network import Segmenter

FRESH_SEED = 77


def test_the_committed_model_is_smaller_than_a_megabyte() -> None:
    assert FILE.stat().st_size < 1e6


def test_iou_on_fresh_portraits_is_high_through_rembg(home: Path) -> None:
    segment = load("sample").segment
    assert segment is not None
    shots = [example(FRESH_SEED, number) for number in range(28)]
    found = [iou(segment(render(shot)), silhouette(shot)) for shot in shots]
    assert np.mean(found) >= 0.95
    assert min(found) >= 0.85


def test_training_sees_photos_as_rembg_will_show_them(home: Path) -> None:
    load("sample")  # imports rembg without compiling the part that is not used
    from rembg.sessions.u2net_custom import U2netCustomSession

    photo = render(example(FRESH_SEED, 0))
    theirs = U2netCustomSession.normalize(SimpleNamespace(inner_session=_Input()), photo, MEAN, STD, (SIDE, SIDE))
    assert np.array_equal(rembg_input(photo), theirs["photo"])


class _Input:
    """What `normalize` asks an onnxruntime session for: the name of its input."""

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="photo")]


def test_the_model_is_small_and_keeps_the_size_of_what_it_is_fed() -> None:
    import torch

    model = Segmenter().eval()
    assert sum(weight.numel() for weight in model.parameters()) < 200_000
    with torch.inference_mode():
        mask = model(torch.zeros(1, 3, 320, 320))
    assert mask.shape == (1, 1, 320, 320) and mask.min() >= 0 and mask.max() <= 1


@pytest.mark.parametrize("portraits", ["16", "3"])  # a batch, and fewer
def test_training_writes_a_model_that_onnxruntime_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], portraits: str
) -> None:
    pytest.importorskip("onnx")
    arguments = ["--portraits", portraits, "--epochs", "1", "--workers", "1", "--out", str(tmp_path / "model.onnx")]
    assert main([*arguments, "--fresh", "2"]) == 0
    assert "IoU on 2 fresh portraits" in capsys.readouterr().out
