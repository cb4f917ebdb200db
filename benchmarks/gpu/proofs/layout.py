"""Whether everything between a trial's layers lies in channels_last memory, the layout tensor cores compute in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import trial_on

MOST = 0.95
"""Of the gradients, what must lie so: that of the mean over all pixels, which torch makes, does not."""


def channels_last(setting: Setting) -> Iterator[Finding]:
    """The inputs of the network, every output of a module, and every gradient by one, in one step of a trial."""
    trial = trial_on(setting, 1)
    seen: dict[str, list[str]] = {"inputs": [], "outputs": [], "gradients": []}
    wrong: dict[str, list[str]] = {kind: [] for kind in seen}

    def report(kind: str, name: str, tensor: Tensor) -> None:
        if tensor.dim() == 4:
            seen[kind].append(name)
            if not is_channels_last(tensor):
                wrong[kind].append(f"{name} {tuple(tensor.shape)}")

    with _watched(trial.model, report):
        trial._train()
    for kind, names in seen.items():
        yield _finding(kind, len(names), wrong[kind], trial.device)


def _finding(kind: str, seen: int, wrong: list[str], device: torch.device) -> Finding:
    said = f"{seen - len(wrong)} of {seen} are channels_last" + (f"; not {wrong[-1]}" if wrong else "")
    right: bool | None = seen > 0 and not wrong
    if kind == "gradients":
        # A CPU's own 1x1 convolutions (`pointwise`) hand others back where they stride.
        right = None if device.type == "cpu" else len(wrong) <= (1 - MOST) * seen
    return Finding(f"layout of {kind}", said, right, {"seen": seen, "not": wrong})


def is_channels_last(tensor: Tensor) -> bool:
    """One value for all pixels, as the mean's gradient, lies in any layout."""
    return 0 in tensor.stride() or tensor.is_contiguous(memory_format=torch.channels_last)


@contextmanager
def _watched(network: nn.Module, report: Callable[[str, str, Tensor], None]) -> Iterator[None]:
    def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        report("inputs", "the photos", inputs[0])

    def after(name: str) -> Callable[..., None]:
        def look(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                report("outputs", name, output)
                if output.requires_grad:
                    output.register_hook(lambda gradient: report("gradients", name, gradient))

        return look

    with ExitStack() as hooks:
        hooks.callback(network.register_forward_pre_hook(before).remove)
        for name, module in network.named_modules():
            hooks.callback(module.register_forward_hook(after(name or type(module).__name__)).remove)
        yield
