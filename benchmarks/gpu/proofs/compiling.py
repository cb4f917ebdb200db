"""Whether torch.compile computes what the network does, gives way where it fails, and serves one crop after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import device_of, recorded, trial_on
from trainable.network.compiled import Compiled, why_not
from trainable.workbench import Workbench

ARCH, CROP = "resnet18", 96
"""Of the trial that is compiled; source pixels. Larger ones take longer to compile."""
OFF = 1e-2
"""Of the loss, what compiling may change."""
SIDES = range(8, 18)
"""Pixels of images that one small network is compiled for, one after the other: more than Dynamo keeps code for."""


def compiles(setting: Setting) -> Iterator[Finding]:
    device = device_of(setting)
    yield _gives_way(device)
    if reason := why_not(device):
        yield _left_out(setting, reason)
        return
    yield _same_loss(setting)
    yield _many_crops(device)


def _left_out(setting: Setting, reason: str) -> Finding:
    said: list[str] = []
    bench = Workbench(device_of(setting), compile=True, say=said.append)
    network = nn.Identity()
    right = bench.forward(network) is network and any(reason in line for line in said)
    return Finding("torch.compile", f"is left out: {reason}", right)


def _same_loss(setting: Setting) -> Finding:
    """One step of a trial, compiled and not."""
    (expected, _), (found, said) = _first_loss(setting, False), _first_loss(setting, True)
    off, failed = abs(found - expected) / abs(expected), [line for line in said if "failed" in line]
    return Finding(
        f"torch.compile of a {ARCH}",
        failed[0] if failed else f"loss {found:.4f}, {expected:.4f} without it: {off:.1e} of it off (limit {OFF:.0e})",
        not failed and off <= OFF,
        {"compiled": found, "eager": expected, "said": said},
    )


def _first_loss(setting: Setting, compile: bool) -> tuple[float, list[str]]:
    said: list[str] = []
    bench, crop = Workbench(device_of(setting), compile=compile, say=said.append), min(CROP, setting.crop)
    trial = trial_on(setting, 1, {"model/arch": ARCH, "crop/height": crop, "crop/width": crop}, bench=bench)
    steps = recorded(trial)
    trial._train()
    return float(steps.losses[0]), said


def _gives_way(device: torch.device) -> Finding:
    """A compiler that fails, as one does that finds no C compiler: a line is said, and the network computes."""

    def broken(network: nn.Module, **options: Any) -> Any:
        def fail(images: Tensor) -> Tensor:
            raise RuntimeError("no compiler, as a proof pretends")

        return fail

    said: list[str] = []
    network, images = _small(device), torch.ones(4, 3, 8, 8, device=device)
    with patch.object(torch, "compile", broken):
        forward = Compiled(network, said.append)
    right = torch.equal(forward(images), network(images)) and len(said) == 1
    return Finding("torch.compile that fails", f"says: {'; '.join(said)}", right, {"said": said})


def _many_crops(device: torch.device) -> Finding:
    """More crops than Dynamo compiles one network for; each must be compiled, and none in silence not."""
    from torch._dynamo.utils import counters

    said: list[str] = []
    network, off = _small(device), 0.0
    forward, before = Compiled(network, said.append), counters["stats"]["unique_graphs"]
    with torch.no_grad():
        for side in SIDES:
            forward.restart()
            images = torch.rand(4, 3, side, side, device=device)
            off = max(off, float((forward(images) - network(images)).abs().max()))
    graphs = counters["stats"]["unique_graphs"] - before
    return Finding(
        "torch.compile of one crop after another",
        f"{len(SIDES)} crops, {graphs} of them compiled; off by {off:.1e} (limit 1e-04); it said: "
        f"{'; '.join(said) or 'nothing'}",
        off <= 1e-4 and (graphs == len(SIDES) or bool(said)),
        {"crops": len(SIDES), "compiled": graphs, "off": off, "said": said},
    )


def _small(device: torch.device) -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 18)).to(device)
