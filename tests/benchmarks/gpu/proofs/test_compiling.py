from __future__ import annotations

from functools import partial

import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    compiling,
)
from tests.benchmarks.gpu.proofs.judging import judged
from trainable.network import compiled

CPU = torch.device("cpu")


def test_a_cpu_is_not_compiled_for_and_the_reason_is_said(setting: Setting) -> None:
    assert judged(compiling.compiles(setting)) == {"torch.compile that fails": True, "torch.compile": True}


def test_compiling_that_fails_in_silence_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "Compiled", lambda network, say: network)
    assert compiling._gives_way(CPU).right is False


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch, single: None) -> None:
    """Compiling that takes no time: Dynamo alone, whose graphs are run as they are."""
    monkeypatch.setattr("trainable.workbench.why_not", lambda device: None)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))


@pytest.mark.usefixtures("pretended")
def test_a_compiled_trial_has_the_loss_of_another(setting: Setting) -> None:
    assert compiling._same_loss(setting).right is True


@pytest.mark.usefixtures("pretended")
def test_compiled_code_that_computes_something_else_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda network, **options: lambda images: network(images) * 2)
    assert compiling._same_loss(setting).right is False


@pytest.mark.usefixtures("pretended")
def test_a_trial_that_cannot_be_compiled_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda network, **options: lambda images: images.no_such_attribute)
    found = compiling._same_loss(setting)
    assert found.right is False
    assert "torch.compile failed" in found.said


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize(("shapes", "right"), [(2, True), (10, False)])
def test_crops_that_are_not_compiled_in_silence_are_found(
    monkeypatch: pytest.MonkeyPatch, shapes: int, right: bool
) -> None:
    monkeypatch.setattr(compiling, "SIDES", range(8, 12))
    monkeypatch.setattr(compiled, "SHAPES", shapes)
    with torch._dynamo.config.patch(recompile_limit=2):
        assert compiling._many_crops(CPU).right is right
