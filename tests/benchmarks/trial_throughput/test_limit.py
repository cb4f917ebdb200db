from __future__ import annotations

import pytest

from benchmarks.trial_throughput import limit


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["aten::mkldnn_convolution", "aten::conv2d", "epoch"], "convolution"),
        (["autograd::engine::evaluate_function: ConvolutionBackward0", "epoch"], "convolution"),
        (["aten::native_batch_norm_backward", "epoch"], "batch norm"),
        (["aten::max_pool2d_with_indices", "epoch"], "pooling"),
        (["aten::addmm", "epoch"], "matrix products"),
        (["aten::threshold_backward", "epoch"], "ReLU, additions, other elementwise"),
        (["aten::add_", "epoch"], "ReLU, additions, other elementwise"),
        (["aten::copy_", "aten::to", "epoch"], "copies and casts"),
        (["aten::mul", "Optimizer.step#AdamW.step", "epoch"], limit.OPTIMIZER),
        (["aten::mul", limit.LOSS, "epoch"], limit.LOSS),
        (["aten::copy_", limit.DATA, "epoch"], limit.DATA),
        (["epoch"], limit.PYTHON),
        (["aten::randperm", "epoch"], limit.OTHER),
    ],
)
def test_an_operator_counts_where_it_runs_or_else_by_its_name(names: list[str], expected: str) -> None:
    assert limit.group(names) == expected


def test_times_of_a_group_add_up() -> None:
    times = [(["aten::add", "epoch"], 1.0), (["aten::mul", "epoch"], 2.0), (["aten::empty", "epoch"], 0.0)]
    assert limit.by_group(iter(times)) == {"ReLU, additions, other elementwise": 3.0}
