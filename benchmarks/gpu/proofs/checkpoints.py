"""Whether a trial that goes on from its checkpoint is the undisturbed one, and its weights answer as they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import can_bfloat16, computing_in, device_of, largest, trial_on
from ensemble.voting import tta
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member
from trainable import checkpoint, device
from trainable.loop import Trial
from trainable.network import model
from trainable.predict import Probabilities, predict

CPU = torch.device("cpu")
EVERYTHING = {
    "augment/cutmix": 0.4,
    "augment/erasing": 0.4,
    "train/balance": 0.5,
    "train/ema": 0.9,
}
"""What a trial can have beside the recipe, so that all of it has to be restored."""

PHOTOS, VIEWS = 64, 5
"""Of an ensemble's member."""
APART, AGREE, TIED = 0.05, 0.97, 0.01
"""Largest difference of a probability on the device and on the CPU; the least share of photos that both give one class,
or classes whose probabilities are no further apart than TIED."""


def resume(setting: Setting) -> Iterator[Finding]:
    """Deterministic trials of two epochs: undisturbed, once more, and in two halves."""
    try:
        device.choose(setting.device, deterministic=True)
        whole = _run(setting, 2)
        yield _equal("the same trial twice", whole, _run(setting, 2))
        yield _equal("a trial that goes on from its checkpoint", whole, _run_in_halves(setting))
        yield from _across_precisions(setting)
        yield _random_numbers(setting)
    finally:
        device.choose(setting.device, deterministic=False)


def _fresh(setting: Setting) -> Trial:
    """A trial of a network with dropout on a new workbench; the last batch of an epoch is smaller."""
    network = nn.Sequential(model.build(setting.config().model, seed=0), nn.Dropout(0.2))
    return trial_on(setting, 2.5, EVERYTHING, network=network)


def _run(setting: Setting, epochs: int) -> dict[str, Tensor]:
    trial = _fresh(setting)
    for _ in range(epochs):
        trial.run_epoch()
    return _all_of(trial)


def _run_in_halves(setting: Setting) -> dict[str, Tensor]:
    with TemporaryDirectory() as folder:
        first = _fresh(setting)
        first.run_epoch()
        checkpoint.save(first.state_dict(), Path(folder))
        del first
        second = _fresh(setting)
        second.load_state_dict(checkpoint.load(Path(folder)))
    second.run_epoch()
    return _all_of(second)


def _all_of(trial: Trial) -> dict[str, Tensor]:
    """Every tensor of the trial's state by name, and its predictions, on the CPU."""
    found = predict(trial.model, trial._feed, trial.val_rows, trial.preprocessing)
    state = {**trial.state_dict(), "predictions": torch.from_numpy(found)}
    return {name: value.detach().to("cpu", copy=True) for name, value in _tensors(state, "")}


def _tensors(state: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        yield name, state
    items = state.items() if isinstance(state, Mapping) else enumerate(state) if isinstance(state, list) else ()
    for key, value in items:
        yield from _tensors(value, f"{name}/{key}" if name else str(key))


def _equal(name: str, one: dict[str, Tensor], other: dict[str, Tensor]) -> Finding:
    assert one.keys() == other.keys()
    differ = [each for each in one if not torch.equal(one[each], other[each])]
    said = f"{len(one)} tensors (weights, their average, momentum, predictions) are equal to the bit"
    if differ:
        off = max(largest(one[each], other[each]) for each in differ)
        said = f"{len(differ)} of {len(one)} tensors differ, by up to {off:.1e}; the first is {differ[0]}"
    return Finding(name, said, not differ, {"tensors": len(one), "differ": differ[:20]})


def _across_precisions(setting: Setting) -> Iterator[Finding]:
    """A search may go on on another GPU, which computes in another precision: one has a scaler, the other none."""
    without = torch.bfloat16 if can_bfloat16(device_of(setting)) else torch.float32
    for before, after in ((torch.float16, without), (without, torch.float16)):
        names = [str(dtype).removeprefix("torch.") for dtype in (before, after)]
        said, right = _goes_on(setting, before, after)
        yield Finding(f"a checkpoint of {names[0]} in {names[1]}", said, right)


def _goes_on(setting: Setting, before: torch.dtype, after: torch.dtype) -> tuple[str, bool]:
    with TemporaryDirectory() as folder:
        with computing_in(before):
            trial = trial_on(setting, 2)
            trial.run_epoch()
            checkpoint.save(trial.state_dict(), Path(folder))
        with computing_in(after):
            trial = trial_on(setting, 2)
            try:
                trial.load_state_dict(checkpoint.load(Path(folder)))
            except Exception as error:
                return f"cannot be loaded: {error}", False
            found = trial.run_epoch()
    return f"goes on in epoch {found['epoch']} with a loss of {found['train_loss']:.3f}", found["epoch"] == 2


def _random_numbers(setting: Setting) -> Finding:
    """What others in the process draw is theirs: a trial has random numbers of its own."""
    before = _random_states(setting)
    _run(setting, 1)
    kept = all(torch.equal(*pair) for pair in zip(before, _random_states(setting), strict=True))
    said = "go on after a trial as before it" if kept else "are other ones after a trial"
    return Finding("the process's random numbers", said, kept)


def _random_states(setting: Setting) -> list[Tensor]:
    on_gpu = [torch.cuda.get_rng_state()] if device_of(setting).type == "cuda" else []
    return [torch.get_rng_state(), *on_gpu]


def ensemble_member(setting: Setting) -> Iterator[Finding]:
    """A trial's exported weights as a member of the vote, on its device and on the CPU."""
    trial = trial_on(setting, 8, val=PHOTOS)
    trial.run_epoch()
    assert trial.best is not None
    with TemporaryDirectory() as folder:
        trial.export_best(Path(folder))
        there, here = (Member.load([Path(folder)], trial.store, place) for place in (trial.device, CPU))
    off = largest(Ensemble.alone(there).predict_rows(trial.store, trial.val_rows), trial.best.predictions)
    said = f"a member's differ from its trial's own by up to {off:.1e} (limit 1e-02)"
    yield Finding("predictions of exported weights", said, off <= 1e-2, {"off": off})
    both = (Ensemble.alone(member, tta.views(VIEWS)) for member in (there, here))
    yield _as_on_the_cpu(*(each.predict_rows(trial.store, trial.val_rows) for each in both))


def _as_on_the_cpu(found: Probabilities, expected: Probabilities) -> Finding:
    """Compare what the device and what the CPU answers."""
    off, chosen = largest(found, expected), found.argmax(axis=1)
    short = expected.max(axis=1) - expected[np.arange(len(expected)), chosen]
    agree = float((short <= TIED).mean())
    return Finding(
        "an ensemble's member on the device and on the CPU",
        f"probabilities of {len(found)} photos in {VIEWS} views ({expected.min():.3f} to {expected.max():.3f}) differ "
        f"by up to {off:.1e} (limit {APART}); the class is the same, or tied, for {agree:.1%} (at least {AGREE:.0%})",
        off <= APART and agree >= AGREE,
        {"off": off, "agree": agree},
    )
