"""Batch normalization that only predicts is a scale and a shift, which the convolution before it can do itself."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.fx import GraphModule, Node, symbolic_trace
from torch.nn.utils import fuse_conv_bn_eval


def folded(network: nn.Module) -> GraphModule:
    """Make a network of the given one's layers without the batch norms that follow a convolution; it answers alike, up
    to rounding.

    Args:
        network: in evaluation mode; it stays as it is.
    """
    traced = symbolic_trace(network)
    layers = dict(traced.named_modules())
    for node in traced.graph.nodes:
        if (before := _convolution_before(node, layers)) is not None:
            convolution, norm = layers[str(before.target)], layers[str(node.target)]
            traced.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _convolution_before(node: Node, layers: Mapping[str, nn.Module]) -> Node | None:
    """Find the convolution that only this batch norm hears of; None where the node is none, or there is none."""
    if not isinstance(_layer(node, layers), nn.BatchNorm2d):
        return None
    before = node.args[0]
    assert isinstance(before, Node)
    return before if isinstance(_layer(before, layers), nn.Conv2d) and len(before.users) == 1 else None


def _layer(node: Node, layers: Mapping[str, nn.Module]) -> nn.Module | None:
    return layers.get(str(node.target)) if node.op == "call_module" else None
