"""The optimizer of a trial: SGD with momentum or AdamW, by torch's fused kernels."""

from __future__ import annotations

from typing import Any

import torch

from trainable.config import Optimizer


def build(config: Optimizer, network: torch.nn.Module) -> torch.optim.Optimizer:
    """Make an optimizer whose state is there from the start, as zeros.

    torch would make the state in the first step, and a fused SGD in memory that nothing was written to: where the
    scaler finds the first step's gradients infinite the kernel writes nothing, and the second takes what lies there for
    momentum.
    """
    parameters, is_adamw = list(network.parameters()), config.name == "adamw"
    shared: dict[str, Any] = {"weight_decay": config.weight_decay, "fused": True}
    made: torch.optim.Optimizer = (
        torch.optim.AdamW(parameters, **shared)
        if is_adamw
        else torch.optim.SGD(parameters, momentum=config.momentum, **shared)
    )
    names = ("exp_avg", "exp_avg_sq") if is_adamw else ("momentum_buffer",) if config.momentum else ()
    for each in parameters:
        made.state[each].update({name: torch.zeros_like(each) for name in names})
        if is_adamw:
            made.state[each]["step"] = torch.zeros((), device=each.device)
    return made
