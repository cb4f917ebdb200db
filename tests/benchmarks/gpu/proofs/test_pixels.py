from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    pixels,
)
from tests.benchmarks.gpu.proofs.judging import changed, judged
from trainable.photos import augment, feed

COMPILED, OPERATORS = "pixels by compiled code", "pixels by torch's operators"


def test_every_route_makes_the_cpus_pixels(setting: Setting) -> None:
    assert judged(pixels.augmentation(setting)) == {COMPILED: True, OPERATORS: True}


@pytest.mark.parametrize("change", [lambda image: image.roll(1, dims=3), lambda image: image * 1.01, torch.sqrt])
def test_pixels_that_are_off_are_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, change: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    monkeypatch.setattr(augment, "_by_operators", changed(augment._by_operators, change))
    assert judged(pixels.augmentation(setting)) == {COMPILED: True, OPERATORS: False}


def test_a_route_of_trials_that_is_off_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "apply", changed(augment.apply, lambda image: image.flip(2)))
    assert judged(pixels.augmentation(setting)) == {COMPILED: False, OPERATORS: True}


def test_code_that_cannot_be_compiled_is_named_and_no_fault(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "why_operators", lambda device: "there is no NVRTC")
    first, second = pixels.augmentation(setting)
    assert (first.right, second.right) == (None, True)
    assert "there is no NVRTC" in first.said
    assert first.headline


def test_feeds_bring_the_stores_photos(setting: Setting) -> None:
    assert judged(pixels.feeds(setting)) == {"photos by Streamed": True, "photos by Resident": True}


def test_a_feed_that_brings_one_other_row_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = feed.Resident.batches

    def off(self: feed.Resident, rows: list[np.ndarray], *more: Any) -> Iterator[torch.Tensor]:
        rows = [*rows[:-1], np.roll(rows[-1], 1)]
        return batches(self, rows, *more)

    monkeypatch.setattr(feed.Resident, "batches", off)
    assert judged(pixels.feeds(setting)) == {"photos by Streamed": True, "photos by Resident": False}


def test_a_feed_that_changes_one_value_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = feed.Streamed.batches

    def off(*arguments: Any) -> Iterator[torch.Tensor]:
        for number, photos in enumerate(batches(*arguments)):
            photos[0, 0, 0, 0] += number == 3
            yield photos

    monkeypatch.setattr(feed.Streamed, "batches", off)
    found = next(pixels.feeds(setting))
    assert (found.right, found.values["wrong"]) == (False, 3)  # one an epoch
