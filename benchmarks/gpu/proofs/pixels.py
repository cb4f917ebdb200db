"""Whether the device makes the CPU's pixels of a photo, and whether the feeds bring it the store's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import device_of, largest
from data_prep.labels import IntArray
from trainable.config import Augment
from trainable.photos import augment, batches, feed
from trainable.photos.feed import Feed
from trainable.photos.params import Params, draw
from trainable.photos.preprocessing import Preprocessing, Size
from trainable.photos.views import View, constant

CPU = torch.device("cpu")
PHOTOS = 16

TURNED, STRAIGHT = 2e-3, 1e-5
"""Largest difference of a normalized value: where photos are turned, coloured or resized, and where only cut."""

BATCHES = 10
LATE = 50_000_000
"""Cycles of a GPU's clock that it idles for before each batch is looked at, some 30 ms: memory that a feed uses again
too early holds the next batch by then."""

Route = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Case:
    """Photos changed in one way. Attributes: most: the largest difference that is right."""

    name: str
    params: Params
    size: Size
    most: float


def augmentation(setting: Setting) -> Iterator[Finding]:
    """Every route to pixels on the device, by its largest difference from the CPU's."""
    device = device_of(setting)
    if why := augment.why_operators(device):
        said = f"left out, so that trials use torch's operators, several times slower: {why}"
        yield Finding("pixels by compiled code", said, headline="augmentation is not compiled")
    for name, route in routes(device).items():
        cases = {case: _difference(setting, case, route, device) for case in _cases(setting)}
        yield Finding(
            f"pixels by {name}",
            "normalized values differ from the CPU's by up to " + ", ".join(_worst(cases)),
            all(found <= case.most for case, found in cases.items()),
            {case.name: found for case, found in cases.items()},
        )


def _worst(cases: Mapping[Case, float]) -> Iterator[str]:
    for most, how in ((TURNED, "turned, coloured or resized"), (STRAIGHT, "only cut")):
        found = {case: value for case, value in cases.items() if case.most == most}
        worst = float(np.max(list(found.values())))  # NaN if there is one
        wrong = [case.name for case, value in found.items() if not value <= most]
        yield f"{worst:.1e} where they are {how} (limit {most:.0e})" + (f": {', '.join(wrong)}" if wrong else "")


def routes(device: torch.device) -> dict[str, Route]:
    """What trials use there, and torch's operators, which are there for when nothing can be compiled."""
    compiled = {} if augment.why_operators(device) else {"compiled code": augment.apply}
    return {**compiled, "torch's operators": augment._by_operators}


def _reference() -> Route:
    """The CPU's own: compiled by numba, or torch's operators where it is missing."""
    return augment._by_operators if augment.why_operators(CPU) else augment._on_cpu


def _cases(setting: Setting) -> Iterator[Case]:
    crop, source = _preprocessing(setting).crop, batches.generator(0)
    n = min(PHOTOS, len(setting.store))

    def drawn(**changes: float) -> Params:
        return draw(Augment(**changes), n, source)

    smaller = (max(8, round(crop[0] * 0.62)), max(8, round(crop[1] * 0.62)))
    yield Case("the recipe", drawn(), crop, TURNED)
    yield Case(
        "turned up to 180 degrees, strong colours", drawn(**dict.fromkeys(COLOURS, 0.5), rotation=180), crop, TURNED
    )
    yield Case("not turned", drawn(rotation=0), crop, TURNED)
    yield Case("resized", drawn(), smaller, TURNED)
    yield Case("a view for testing", constant(View(7.0, flip=True), n), crop, TURNED)
    yield Case("the plain view", constant(View(), n), crop, STRAIGHT)
    yield Case("its mirror image", constant(View(flip=True), n), crop, STRAIGHT)


COLOURS = ("brightness", "contrast", "saturation", "hue")


def _difference(setting: Setting, case: Case, route: Route, device: torch.device) -> float:
    store, preprocessing = setting.store, replace(_preprocessing(setting), size=case.size)
    widest = float(case.params.angle.abs().max())
    photos = store.read(np.arange(len(case.params)), *augment.window(preprocessing.crop, store.size, widest))
    expected = _reference()(photos, case.params, preprocessing, CPU).numpy()
    # A feed's lie on the device; an ensemble's may still be the host's.
    given = (torch.from_numpy(photos).to(device), photos)
    found = [route(each, case.params, preprocessing, device).cpu().numpy() for each in given]
    return largest(np.stack(found), expected)


def _preprocessing(setting: Setting) -> Preprocessing:
    return Preprocessing.of(setting.config().crop, setting.store)


def feeds(setting: Setting) -> Iterator[Finding]:
    """Every feed's batches, over epochs in random order whose last batch is smaller, to the bit."""
    store, device = setting.store, device_of(setting)
    rows = _rows(setting)
    epochs = [_cut(order, setting.batch) for order in _orders(rows)]
    for each in (feed.Streamed(store, device), feed.Resident(store, device, rows)):
        wrong, photos = _wrong(setting, each, rows, epochs), len(rows) * len(epochs)
        yield Finding(
            f"photos by {type(each).__name__}",
            f"{wrong} of {photos} in {sum(map(len, epochs))} batches differ from the store's",
            wrong == 0,
            {"photos": photos, "wrong": wrong},
        )


def _rows(setting: Setting) -> IntArray:
    rows = setting.store.rows("train")[: BATCHES * setting.batch]
    return rows[:-1] if len(rows) % setting.batch == 0 else rows


def _orders(rows: IntArray) -> Iterator[IntArray]:
    """Two epochs that show each photo once, and one that draws them with replacement."""
    random = np.random.default_rng(0)
    yield from (random.permutation(rows) for _ in range(2))
    yield random.choice(rows, len(rows))


def _cut(rows: IntArray, size: int) -> list[IntArray]:
    return [rows[part] for part in batches.slices(len(rows), size)]


def _wrong(setting: Setting, feed: Feed, rows: IntArray, epochs: Sequence[list[IntArray]]) -> int:
    """Photos that are not the store's. They are compared on the device, which is late: the host never waits for it,
    as it would not in training."""
    store, angle = setting.store, Augment().rotation
    crop = _preprocessing(setting).crop
    expected = torch.from_numpy(store.read(rows, *augment.window(crop, store.size, angle))).to(feed.device)
    wrong = torch.zeros((), dtype=torch.int64, device=feed.device)
    for epoch in epochs:
        at = torch.from_numpy(np.searchsorted(rows, np.concatenate(epoch))).to(feed.device)
        parts = at.split([len(batch) for batch in epoch])
        for photos, part in zip(feed.batches(epoch, crop, angle), parts, strict=True):
            if feed.device.type == "cuda":
                torch.cuda._sleep(LATE)
            wrong += (photos.to(feed.device) != expected[part]).flatten(1).any(dim=1).sum()
    return int(wrong)
