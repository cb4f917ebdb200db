"""What is kept between trials, and that nothing of the last one is left in the next."""

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from trainable.config import Model
from trainable.loop import Trial
from trainable.network import model
from trainable.network.compiled import SHAPES, Compiled, why_not
from trainable.network.model import build
from trainable.photos.feed import Resident
from trainable.workbench import Workbench

CPU = torch.device("cpu")
SCRATCH = Model("resnet18", "none")


def _same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_next_trials_network_is_the_last_ones_with_fresh_weights():
    bench = Workbench(CPU)
    first = bench.network(SCRATCH, seed=1)
    first.train()(torch.randn(4, 3, 32, 32)).sum().backward()
    second = bench.network(SCRATCH, seed=2)
    assert second is first
    assert _same(second, model.build(SCRATCH, seed=2))
    assert all(parameter.grad is None for parameter in second.parameters())


def test_another_arch_takes_the_place_of_the_last_one():
    bench = Workbench(CPU)
    first = bench.network(SCRATCH, seed=1)
    second = bench.network(Model("resnet50", "none"), seed=1)
    assert second is not first
    assert bench.network(Model("resnet50", "none"), seed=3) is second


def test_a_trial_on_a_used_workbench_is_the_same_to_the_bit(small_config, small_store):
    bench = Workbench(CPU)
    Trial(small_config(train__seed=9, train__ema=0.9, optimizer__name="sgd"), small_store, bench).run_epoch()
    used, fresh = (Trial(small_config(), small_store, each) for each in (bench, Workbench(CPU)))
    for _ in range(2):
        found, expected = used.run_epoch(), fresh.run_epoch()
        assert found["train_loss"] == expected["train_loss"]
        assert found["val_loss"] == expected["val_loss"]
    assert _same(used.model, fresh.model)


def test_the_best_weights_of_a_trial_survive_the_next_one(small_config, small_store):
    bench = Workbench(CPU)
    first = Trial(small_config(), small_store, bench)
    first.run_epoch()
    kept = copy.deepcopy(first.best.weights)
    Trial(small_config(train__seed=3), small_store, bench).run_epoch()
    assert all(torch.equal(kept[name], first.best.weights[name]) for name in kept)


def test_the_stores_photos_are_kept_for_the_next_trial_and_its_folds(small_store, monkeypatch):
    resident = lambda store, device, say: Resident(store, device, store.rows("train"))  # noqa: E731
    monkeypatch.setattr("trainable.photos.feed.choose", resident)
    bench = Workbench(CPU)
    assert bench.feed(small_store) is bench.feed(small_store.with_folds(2, 0))


def test_a_resident_store_trains_the_same_trial(small_config, small_store, monkeypatch):
    streamed = Trial(small_config(), small_store, Workbench(CPU)).run_epoch()
    resident = lambda store, device, say: Resident(store, device, np.arange(len(store)))  # noqa: E731
    monkeypatch.setattr("trainable.photos.feed.choose", resident)
    found = Trial(small_config(), small_store, Workbench(CPU)).run_epoch()
    for key in ("train_loss", "val_loss", "val_f1"):
        assert found[key] == streamed[key]


def test_weights_in_a_file_are_read_once_a_process(tmp_path, monkeypatch):
    torch.save(build(SCRATCH, seed=1).state_dict(), tmp_path / "w.pt")
    reads, read = [], model.read_weights
    monkeypatch.setattr(model, "read_weights", lambda file: reads.append(file) or read(file))
    bench = Workbench(CPU)
    for seed in range(3):
        assert _same(bench.network(Model("resnet18", str(tmp_path / "w.pt")), seed), build(SCRATCH, seed=1))
    assert len(reads) == 1
    torch.save(build(SCRATCH, seed=5).state_dict(), tmp_path / "w.pt")
    assert _same(bench.network(Model("resnet18", str(tmp_path / "w.pt")), 3), build(SCRATCH, seed=5))


def test_a_search_draws_its_first_weights_once(monkeypatch):
    built, build_one = [], model.build
    monkeypatch.setattr(
        model, "build", lambda config, classes, seed: built.append(seed) or build_one(config, classes, seed)
    )
    bench = Workbench(CPU)
    for _ in range(3):
        network = bench.network(SCRATCH, seed=4)
        assert _same(network, build_one(SCRATCH, seed=4))
        torch.nn.init.zeros_(network[0].weight)
    assert built == [4]


def test_training_does_not_write_into_the_weights_that_were_read(tmp_path, small_config, smallest_store):
    file = tmp_path / "w.pt"
    torch.save(build(SCRATCH, seed=1).state_dict(), file)
    bench, config = Workbench(CPU), small_config(model__weights=str(file))
    losses = [Trial(config, smallest_store, bench).run_epoch()["train_loss"] for _ in range(2)]
    assert losses[0] == losses[1]


def test_memory_before_the_second_and_the_twentieth_trial_is_equal(small_config, smallest_store):
    bench = Workbench(CPU)
    before = []
    for seed in range(20):
        bench.clear()
        before.append(_resident_bytes())
        config = small_config(train__seed=seed, train__batch_size=126, crop__height=128, crop__width=128)
        Trial(config, smallest_store, bench).run_epoch()
    # What is kept is there before the second; those after it must add nothing.
    assert before[19] <= before[1] * 1.01


def _resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class _Toy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(12, 18))


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_a_compiled_network_computes_what_the_network_does():
    said, network = [], _Toy()
    fast = Compiled(network, said.append)
    for n in (4, 4, 3, 4):  # the last partial batch of an epoch, then the next epoch
        images = torch.randn(n, 3, 2, 2)
        assert torch.allclose(fast(images), network(images), atol=1e-6)
    assert said == []


def test_a_batch_of_another_size_is_not_compiled_for():
    compiled = []
    network = _Toy()
    fast = Compiled(network, print)
    fast._fast = lambda images: compiled.append(len(images)) or network(images)
    for n in (4, 4, 3, 4):
        fast(torch.randn(n, 3, 2, 2))
    fast.restart()
    fast(torch.randn(5, 3, 2, 2))
    assert compiled == [4, 4, 4, 5]


def test_a_failure_to_compile_is_said_in_a_line_and_training_goes_on():
    said, network = [], _Toy()
    fast = Compiled(network, said.append)

    def broken(images):
        raise RuntimeError("no C++ compiler\nwas found")

    fast._fast = broken
    images = torch.randn(4, 3, 2, 2)
    assert torch.equal(fast(images), network(images))
    assert said == ["torch.compile failed, going on without it: no C++ compiler was found"]
    fast(images)
    assert len(said) == 1


def test_memory_that_runs_short_while_compiling_is_no_failure_to_compile():
    fast = Compiled(_Toy(), print)

    def short(images):
        raise torch.OutOfMemoryError("CUDA out of memory")

    fast._fast = short
    with pytest.raises(torch.OutOfMemoryError):
        fast(torch.randn(4, 3, 2, 2))


def test_more_shapes_than_dynamo_compiles_for_are_compiled_anew_and_that_is_said(monkeypatch):
    """Dynamo itself would run the ninth shape uncompiled, without a word."""
    assert torch._dynamo.config.recompile_limit == SHAPES
    compiled, said, real = [], [], torch.compile

    def counted(graph, inputs):
        compiled.append(tuple(inputs[-1].shape))
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda network, **how: real(network, backend=counted, **how))
    fast = Compiled(_Toy(), said.append)
    for n in [*range(4, 4 + SHAPES), 4, 4 + SHAPES]:
        fast.restart()
        fast(torch.randn(n, 3, 2, 2))
    assert len(compiled) == SHAPES + 1  # the fifth of them found what had been compiled for it
    assert said == [f"torch.compile: what was compiled for {SHAPES} shapes is dropped for new ones"]


def test_between_two_trials_a_gpu_gets_back_what_torch_keeps_for_later(monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    Workbench(CPU).clear()
    assert emptied == []
    Workbench(torch.device("cuda")).clear()
    assert emptied == [True]


@pytest.mark.parametrize(("capability", "left_out"), [((7, 0), True), ((7, 5), True), ((8, 0), False), ((9, 0), False)])
def test_cpus_and_gpus_that_triton_dropped_are_not_compiled_for(monkeypatch, capability, left_out):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert bool(why_not(torch.device("cuda"))) is left_out
    assert why_not(CPU)


def test_a_workbench_that_may_not_compile_says_why():
    said = []
    bench = Workbench(CPU, compile=True, say=said.append)
    network = bench.network(SCRATCH, 0)
    assert bench.forward(network) is network
    assert said == ["torch.compile is left out: on a CPU it takes a minute and a half and gains nothing"]


def test_a_workbench_keeps_the_compiled_code_for_the_next_trial(monkeypatch):
    monkeypatch.setattr("trainable.workbench.why_not", lambda device: None)
    bench = Workbench(CPU, compile=True)
    first = bench.forward(bench.network(SCRATCH, 0))
    assert isinstance(first, Compiled)
    assert bench.forward(bench.network(SCRATCH, 1)) is first
    assert bench.forward(bench.network(Model("resnet50", "none"), 1)) is not first
