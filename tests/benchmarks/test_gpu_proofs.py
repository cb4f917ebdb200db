"""The proofs of benchmarks.gpu hold on a CPU as far as there is anything to prove there, and each of them can fail."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs import (
    PARTS,
    between,
    checkpoints,
    compiling,
    layout,
    memory,
    pixels,
    precision,
    shortage,
    trials,
    waiting,
)
from benchmarks.gpu.proofs.between import Held
from benchmarks.gpu.proofs.trials import computing_in
from data_prep.store.store import Store
from ensemble.member import Member
from tests.small_networks import small_networks
from trainable import loop, predict
from trainable.loop import Trial
from trainable.network import compiled, step
from trainable.photos import augment, feed
from trainable.workbench import Workbench

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small_networks(monkeypatch)


@pytest.fixture
def setting(small_store: Store) -> Setting:
    return Setting("cpu", small_store.path, "resnet18", batch=8, crop=200, steps=12, trials=3, rounds=1)


@pytest.fixture
def single() -> Iterator[None]:
    """float32, which a CPU computes small trials fastest in."""
    with computing_in(torch.float32):
        yield


def judged(findings: Iterator[Finding]) -> dict[str, bool | None]:
    return {finding.name: finding.right for finding in findings}


def changed(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: change(function(*args, **kwargs))


def test_parts_have_names_of_their_own_and_travel_to_another_process() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS) == 12
    assert [pickle.loads(pickle.dumps(part)) for part in PARTS] == PARTS
    assert sum(part.seconds for part in PARTS) <= 180


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


@pytest.mark.usefixtures("single")
def test_a_trial_that_learns_is_told_from_one_that_does_not(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision._learns(setting, "float32").right is True
    monkeypatch.setattr(trials, "SGD", dict.fromkeys(("schedule/max_lr", "schedule/min_lr"), 1e-9))
    assert precision._learns(setting, "float32").right is False


@pytest.mark.usefixtures("single")
def test_a_loss_that_is_not_finite_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "apply", changed(augment.apply, lambda image: image * torch.nan))
    found = precision._learns(setting, "float32")
    assert found.right is False
    assert "became nan" in found.said


OVERFLOWS = "a first step that overflows"


def test_a_step_that_overflows_leaves_no_trace(setting: Setting) -> None:
    with computing_in(torch.float16):
        found = precision._overflows(setting)
    assert (found.name, found.right) == (OVERFLOWS, True), found.said
    assert found.values["skipped"] > 0


def test_momentum_that_begins_with_what_lies_in_memory_is_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torchs_own(config: Any, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)

    monkeypatch.setattr("trainable.recipe.optimizer.build", torchs_own)
    with computing_in(torch.float16):
        assert precision._overflows(setting).right is False


def test_a_scaler_that_skips_nothing_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.GradScaler, "step", lambda self, optimizer: optimizer.step())
    monkeypatch.setattr(torch.GradScaler, "update", lambda self: None)
    with computing_in(torch.float16):
        assert precision._overflows(setting).right is False


def test_steps_that_a_scaler_skipped_are_counted() -> None:
    steps = trials.Steps(scales=[torch.tensor(scale) for scale in (8.0, 4.0, 4.0, 8.0, 4.0)])
    assert steps.skipped(first_scale=16.0) == 3


@pytest.mark.usefixtures("single")
def test_a_step_goes_on_in_less_memory(setting: Setting) -> None:
    loss, gradient, own = memory.out_of_memory(setting)
    assert (loss.right, gradient.right, own.right) == (True, True, True)
    assert loss.values["micro_batches"] == own.values["micro_batches"] == 2


def test_a_step_that_differs_in_less_memory_is_found() -> None:
    def step(loss: float, parts: int, *gradient: float) -> Any:
        return SimpleNamespace(loss=loss, parts=parts, gradient=torch.tensor(gradient))

    whole = step(6.0, 1, 1.0, 2.0)
    assert memory._same_loss("", whole, step(6.05, 2)).right is True
    assert memory._same_loss("", whole, step(6.1, 2)).right is False
    assert memory._same_loss("", whole, step(torch.nan, 2)).right is False
    assert memory._same_loss("", whole, step(6.0, 1)).right is False  # memory was not short
    assert memory._same_gradient("", whole, step(6.0, 2, 1.0, 2.1)).right is True
    assert memory._same_gradient("", whole, step(6.0, 2, -1.0, 2.0)).right is False
    assert memory._same_gradient("", whole, step(6.0, 2, torch.inf, 2.0)).right is None
    assert memory._goes_on("", whole, step(torch.inf, 2)).right is False


@pytest.mark.usefixtures("single")
def test_a_loss_of_micro_batches_instead_of_the_batch_is_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_the_first_part(network: Any, images: Any, target: Any, *more: Any) -> torch.Tensor:
        return step.gradients(network, images[:2], target[:2], *more[:2])

    monkeypatch.setattr(step, "gradients_in_parts", of_the_first_part)
    whole, split = memory._whole_and_split(setting, {})
    assert memory._same_loss("", whole, split).right is False
    assert memory._same_gradient("", whole, split).right is False


def test_the_limit_on_memory_is_lifted_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    for name, value in (("mem_get_info", (500, 1000)), ("memory_allocated", 100), ("empty_cache", None)):
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", limits.append)
    with pytest.raises(ValueError), shortage.short_of_memory(torch.nn.Identity(), torch.device("cuda"), 60, 1):
        raise ValueError
    assert limits == [0.16, 1.0]


VALIDATION = "out of memory in validation, float32"


@pytest.mark.usefixtures("single")
def test_predictions_are_the_same_in_less_memory(setting: Setting) -> None:
    assert judged(memory.validation_out_of_memory(setting)) == {VALIDATION: True}


@pytest.mark.usefixtures("single")
def test_predictions_that_go_astray_in_less_memory_are_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    alike = predict.alike
    monkeypatch.setattr(
        predict, "alike", lambda n, most: [each % 20 for each in alike(n, most)] if most < 40 else alike(n, most)
    )
    assert judged(memory.validation_out_of_memory(setting)) == {VALIDATION: False}


@pytest.mark.usefixtures("single")
def test_memory_that_was_not_short_proves_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "short_of_memory", lambda *arguments: nullcontext())
    assert judged(memory.validation_out_of_memory(setting)) == {VALIDATION: False}


TWICE, RESUMED = "the same trial twice", "a trial that goes on from its checkpoint"
OTHERS = "the process's random numbers"


@pytest.fixture
def one_precision(monkeypatch: pytest.MonkeyPatch, single: None) -> None:
    monkeypatch.setattr(checkpoints, "_across_precisions", lambda setting: iter(()))


@pytest.mark.usefixtures("one_precision")
def test_a_resumed_trial_is_the_undisturbed_one(setting: Setting) -> None:
    assert judged(checkpoints.resume(setting)) == {TWICE: True, RESUMED: True, OTHERS: True}
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.usefixtures("single")
def test_momentum_that_is_lost_with_the_checkpoint_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Trial.load_state_dict

    def forgetful(self: Trial, state: dict[str, Any]) -> None:
        load(self, {**state, "optimizer": self._optimizer.state_dict()})

    monkeypatch.setattr(Trial, "load_state_dict", forgetful)
    assert checkpoints._equal("", checkpoints._run(setting, 2), checkpoints._run_in_halves(setting)).right is False


@pytest.mark.usefixtures("single")
def test_dropout_of_the_processs_random_numbers_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "seeded", lambda seed, device: nullcontext())
    assert checkpoints._random_numbers(setting).right is False
    assert checkpoints._equal("", checkpoints._run(setting, 1), checkpoints._run(setting, 1)).right is False


ACROSS = {"a checkpoint of float16 in bfloat16", "a checkpoint of bfloat16 in float16"}


def test_a_checkpoint_goes_on_in_another_precision(setting: Setting) -> None:
    assert judged(checkpoints._across_precisions(setting)) == dict.fromkeys(ACROSS, True)


def test_a_checkpoint_that_cannot_be_loaded_in_another_precision_is_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(self: Trial, state: dict[str, Any]) -> None:
        self._scaler.load_state_dict(state["scaler"])

    monkeypatch.setattr(Trial, "load_state_dict", strict)
    monkeypatch.setattr(Trial, "run_epoch", lambda self: {"epoch": 2, "train_loss": 1.0})
    found = judged(checkpoints._across_precisions(setting))
    assert found == {"a checkpoint of float16 in bfloat16": True, "a checkpoint of bfloat16 in float16": False}


@pytest.mark.usefixtures("single")
def test_memory_of_trials_one_after_the_other_does_not_grow(setting: Setting) -> None:
    assert judged(between.memory_between_trials(setting)) == {
        "GPU memory between trials": None,
        "memory between trials": True,
    }


@pytest.mark.usefixtures("single")
def test_memory_that_trials_leave_behind_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[np.ndarray] = []

    def keep(self: Workbench) -> None:
        left.append(np.ones(between._resident() // 80))  # 8 bytes each: a tenth of what there is

    monkeypatch.setattr(Workbench, "clear", keep)
    assert judged(between.memory_between_trials(setting))["memory between trials"] is False


def test_memory_that_stays_on_the_gpu_is_found() -> None:
    mb = 1_000_000
    kept = [Held(0, size * mb, 900 * mb) for size in (0, 500, 501, 504)]
    assert between._same(kept).right is True
    assert between._same([*kept, Held(0, 520 * mb, 900 * mb)]).right is False
    assert between._given_back(Held(0, 500 * mb, 900 * mb), Held(0, 500 * mb, 520 * mb)).right is True
    assert between._given_back(Held(0, 500 * mb, 900 * mb), Held(0, 500 * mb, 900 * mb)).right is False


def events(*names: str) -> list[Any]:
    return [SimpleNamespace(name=name) for name in ("cudaLaunchKernel", "cuLaunchKernelEx", "aten::add", *names)]


def test_waits_are_the_calls_that_block_and_the_copies_from_memory_that_is_not_locked() -> None:
    found = waiting.waits(
        events(
            "cudaMemcpyAsync",
            "cudaStreamSynchronize",
            "Memcpy HtoD (Pinned -> Device)",
            "Memcpy HtoD (Pageable -> Device)",
        )
    )
    assert found == {"cudaStreamSynchronize": 1, "Memcpy HtoD (Pageable -> Device)": 1, waiting.LAUNCH: 2}


@pytest.mark.usefixtures("single")
@pytest.mark.parametrize(("a_batch", "right"), [(0, True), (1, False)])
def test_waits_that_grow_with_the_batches_are_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, a_batch: int, right: bool
) -> None:
    def profiled(trial: Trial, steps: int) -> list[Any]:
        return events(*["cudaStreamSynchronize"] * (2 + a_batch * steps))

    monkeypatch.setattr(waiting, "BATCHES", 2)
    monkeypatch.setattr(waiting, "_profiled", profiled)
    monkeypatch.setattr(waiting, "_complaints", lambda trial, steps: 1)
    names = ("no waiting, Streamed, float32", "no waiting, Resident, float32")
    assert judged(waiting._of_feeds(setting, "float32")) == dict.fromkeys(names, right)


def test_what_torch_itself_complains_of_counts() -> None:
    few, many = (Counter({waiting.COMPLAINT: n}) for n in (6, 12))
    assert waiting.finding("", few, many).right is False
    assert waiting.finding("", few, few).right is True


def test_kernels_are_launched_for_every_batch_and_a_profile_without_any_is_named() -> None:
    none, few, many = (Counter({waiting.LAUNCH: n}) for n in (0, 100, 200))
    assert waiting.finding("", few, many).right is True
    assert "the profiler saw no call" not in waiting.finding("", few, many).said
    assert "the profiler saw no call" in waiting.finding("", none, none).said


def test_waiting_needs_a_gpu(setting: Setting) -> None:
    assert judged(waiting.no_waiting(setting)) == {"no waiting": None}


INPUTS, OUTPUTS, GRADIENTS = "layout of inputs", "layout of outputs", "layout of gradients"


@pytest.mark.usefixtures("single")
def test_everything_between_layers_is_channels_last(setting: Setting) -> None:
    assert judged(layout.channels_last(setting)) == {INPUTS: True, OUTPUTS: True, GRADIENTS: None}


@pytest.mark.usefixtures("single")
def test_photos_in_another_layout_are_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "apply", changed(augment.apply, torch.Tensor.contiguous))
    assert judged(layout.channels_last(setting))[INPUTS] is False


@pytest.mark.usefixtures("single")
def test_a_layer_in_another_layout_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def relaid(network: torch.nn.Module) -> torch.nn.Module:
        network.get_submodule("5").register_forward_hook(lambda module, inputs, output: output.contiguous())
        return network

    monkeypatch.setattr(Workbench, "network", changed(Workbench.network, relaid))
    found = list(layout.channels_last(setting))
    assert judged(iter(found))[OUTPUTS] is False
    assert "not 5 (8, 32, " in found[1].said


def test_gradients_of_a_gpu_may_lie_otherwise_only_now_and_then() -> None:
    gpu = torch.device("cuda")
    assert layout._finding("gradients", 100, ["fc"] * 5, gpu).right is True
    assert layout._finding("gradients", 100, ["fc"] * 6, gpu).right is False


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


EXPORTED = "predictions of exported weights"
MEMBER = "an ensemble's member on the device and on the CPU"


@pytest.mark.usefixtures("single")
def test_a_member_answers_as_its_trial_did(setting: Setting) -> None:
    assert judged(checkpoints.ensemble_member(setting)) == {EXPORTED: True, MEMBER: True}


@pytest.mark.usefixtures("single")
def test_a_member_with_other_weights_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(member: Member) -> Member:
        if member.device is not CPU:
            for parameter in member.model.parameters():
                parameter.data *= 1.2
        return member

    monkeypatch.setattr(checkpoints, "CPU", CPU)  # to tell it from the trial's, which is a CPU as well
    monkeypatch.setattr(Member, "load", staticmethod(changed(Member.load, off)))
    assert judged(checkpoints.ensemble_member(setting))[EXPORTED] is False


def test_a_member_that_answers_otherwise_on_the_device_is_found() -> None:
    def answering(*probabilities: tuple[float, float]) -> Any:
        return SimpleNamespace(predict_rows=lambda rows, views: np.array(probabilities))

    trial: Any = SimpleNamespace(val_rows=np.arange(2))
    here = answering((0.9, 0.1), (0.504, 0.496))

    def right(*probabilities: tuple[float, float]) -> bool | None:
        return checkpoints._as_on_the_cpu(answering(*probabilities), here, trial).right

    assert right((0.9, 0.1), (0.5, 0.5)) is True
    assert right((0.9, 0.1), (0.49, 0.51)) is True  # tied
    assert right((0.8, 0.2), (0.5, 0.5)) is False
    assert right((0.9, 0.1), (torch.nan, 0.5)) is False
    assert checkpoints._as_on_the_cpu(answering((0.48, 0.52)), answering((0.52, 0.48)), trial).right is False
