"""How the sample's segmenter is trained on drawn portraits, exported as ONNX, and measured on fresh ones."""

from __future__ import annotations

import math
import multiprocessing
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.progress import track
from torch.nn import functional as F

from common.files import replacing
from data_prep.sample.scene import render, silhouette
from data_prep.sample.segmenter.examples import MEAN, SIDE, STD, Pixels, example, iou, pair, rembg_input
from data_prep.sample.segmenter.network import Segmenter

TRAIN_SEED, FRESH_SEED = 1_000_003, 2_000_003
BATCH = 16


def fresh_ious(file: Path, count: int, seed: int = FRESH_SEED) -> list[float]:
    """Measure the IoU of the model in `file` with the true masks of `count` fresh portraits."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name, found = session.get_inputs()[0].name, []
    for number in range(count):
        shot = example(seed, number)
        photo = render(shot)
        mask = Image.fromarray((session.run(None, {name: rembg_input(photo)})[0][0, 0] * 255).astype(np.uint8))
        found.append(iou(mask.resize(photo.size, Image.Resampling.LANCZOS), silhouette(shot)))
    return found


def examples(count: int, seed: int, workers: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Photos uint8 [n, 3, 160, 160] and masks uint8 [n, 1, 160, 160]."""
    photos, masks = zip(*track(_drawn(count, seed, workers), "drawing portraits", count), strict=True)
    return torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2), torch.from_numpy(np.stack(masks))[:, None]


def _drawn(count: int, seed: int, workers: int) -> Iterator[tuple[Pixels, Pixels]]:
    if workers <= 1:
        yield from map(partial(pair, seed=seed), range(count))
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(pair, seed=seed), range(count), chunksize=16)


def _batch(photos: torch.Tensor, masks: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised photos, some of them flipped and in other light, and masks 0..1."""
    x, y = photos[rows].float() / 255, masks[rows].float() / 255
    x = (x * (0.8 + 0.4 * torch.rand(len(rows), 3, 1, 1))).clamp(0, 1)
    x = x / x.amax(dim=(1, 2, 3), keepdim=True)
    x = (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    flipped = torch.rand(len(rows), 1, 1, 1) < 0.5
    return torch.where(flipped, x.flip(3), x), torch.where(flipped, y.flip(3), y)


def _loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Add 1 - soft IoU to the cross-entropy."""
    found = torch.sigmoid(logits)
    both = (found * masks).sum(dim=(1, 2, 3))
    either = (found + masks - found * masks).sum(dim=(1, 2, 3))
    return F.binary_cross_entropy_with_logits(logits, masks) + (1 - both / either).mean()


def train(photos: torch.Tensor, masks: torch.Tensor, epochs: int, seed: int) -> Segmenter:
    torch.manual_seed(seed)
    model = Segmenter().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = min(BATCH, len(photos))
    steps = epochs * (len(photos) // size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps))
    order = (rows for _ in range(epochs) for rows in torch.randperm(len(photos)).split(size) if len(rows) == size)
    for rows in track(order, "training", steps):
        x, y = _batch(photos, masks, rows)
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast
            logits = model.coarse(x.contiguous(memory_format=torch.channels_last))
        loss = _loss(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def export(model: Segmenter, file: Path) -> None:
    blank = torch.zeros(1, 3, SIDE, SIDE)
    with replacing(file) as fresh, warnings.catch_warnings():
        # The newer exporter needs onnxscript; this one is said to be old, and does all that this model needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model, (blank,), str(fresh), input_names=["photo"], output_names=["mask"], dynamo=False, opset_version=17
        )
