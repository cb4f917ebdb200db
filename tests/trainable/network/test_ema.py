import io

import pytest
import torch
from torch import nn

from trainable.network.ema import Ema


def _weight(value=0.0):
    """A network of one weight."""
    network = nn.Linear(1, 1, bias=False)
    return _set(network, value)


def _set(network, value):
    with torch.no_grad():
        network.weight.fill_(value)
    return network


def _averaged(ema, network):
    with ema.applied():
        return {name: value.clone() for name, value in network.state_dict().items()}


def _small():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    return network.to(memory_format=torch.channels_last)


def _train(network, ema, steps, seed=0):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.randn(8, 3, 4, 4, generator=generator)).square().mean().backward()
        optimizer.step()
        ema.update()


def _same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _copied(state):
    return {name: value.clone() for name, value in state.items()}


# The average.


def test_the_average_starts_as_the_network_is():
    network = _weight(3.0)
    ema = Ema(network, 0.999)
    _set(network, 5.0)
    assert _averaged(ema, network)["weight"].item() == 3.0


def test_early_updates_keep_little_of_the_average():
    network = _weight(0.0)
    ema = Ema(network, 0.999)
    _set(network, 1.0)
    ema.update()  # d = 1/10: 0 + 9/10 * (1 - 0) = .9
    assert _averaged(ema, network)["weight"].item() == pytest.approx(0.9)
    _set(network, 2.0)
    ema.update()  # d = 2/11: .9 + 9/11 * (2 - .9) = 1.8
    assert _averaged(ema, network)["weight"].item() == pytest.approx(1.8)


def test_later_updates_keep_as_much_as_the_decay_says():
    network = _weight(0.0)
    ema = Ema(network, 0.15)
    _set(network, 1.0)
    ema.update()  # 1/10 is below .15: .9
    _set(network, 2.0)
    ema.update()  # 2/11 is above .15: .9 + .85 * (2 - .9) = 1.835
    assert _averaged(ema, network)["weight"].item() == pytest.approx(1.835)


def test_after_a_while_the_first_weights_are_forgotten():
    network = _weight(100.0)
    ema = Ema(network, 0.9999)
    _set(network, 1.0)
    for _ in range(30):
        ema.update()
    assert _averaged(ema, network)["weight"].item() == pytest.approx(1.0, abs=1e-4)


def test_statistics_of_batch_normalization_are_averaged_and_its_count_is_the_networks():
    network = nn.BatchNorm1d(1)
    ema = Ema(network, 0.999)
    network(torch.tensor([[0.0], [20.0]]))  # running mean 0 + .1 * 10 = 1, running variance 1 + .1 * (200 - 1) = 20.9
    ema.update()
    averaged = _averaged(ema, network)
    assert averaged["running_mean"].item() == pytest.approx(0.9)
    assert averaged["running_var"].item() == pytest.approx(1 + 0.9 * 19.9)
    assert averaged["num_batches_tracked"].item() == 1


def test_averages_keep_the_memory_format_of_their_weights():
    network = _small()
    with Ema(network, 0.9).applied():
        assert network[0].weight.is_contiguous(memory_format=torch.channels_last)


# Applying it.


def test_the_network_computes_with_the_average_inside_and_with_its_own_weights_after():
    network = _weight(2.0)
    ema = Ema(network, 0.9)
    _set(network, 3.0)
    with ema.applied():
        assert network(torch.ones(1, 1)).item() == 2.0
    assert network(torch.ones(1, 1)).item() == 3.0


def test_afterwards_every_tensor_is_the_same_object_on_the_same_memory_with_the_same_bits():
    network = _small()
    ema = Ema(network, 0.9)
    _train(network, ema, 3)
    tensors = [*network.parameters(), *network.buffers()]
    before, places = _copied(network.state_dict()), [tensor.data_ptr() for tensor in tensors]
    with ema.applied():
        assert not _same(network.state_dict(), before)
    assert all(now is then for now, then in zip([*network.parameters(), *network.buffers()], tensors, strict=True))
    assert [tensor.data_ptr() for tensor in tensors] == places
    assert _same(network.state_dict(), before)


def test_an_exception_inside_leaves_the_network_with_its_own_weights():
    network = _small()
    ema = Ema(network, 0.9)
    _train(network, ema, 3)
    before = _copied(network.state_dict())
    with pytest.raises(KeyboardInterrupt), ema.applied():
        raise KeyboardInterrupt
    assert _same(network.state_dict(), before)


def test_evaluating_the_average_in_between_changes_nothing_of_training():
    disturbed, undisturbed = _small(), _small()
    averages = [Ema(network, 0.9) for network in (disturbed, undisturbed)]
    optimizers = [torch.optim.AdamW(network.parameters(), lr=0.1) for network in (disturbed, undisturbed)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        images = torch.randn(8, 3, 4, 4, generator=generator)
        for network, optimizer, ema in zip((disturbed, undisturbed), optimizers, averages, strict=True):
            optimizer.zero_grad()
            network(images).square().mean().backward()
            optimizer.step()
            ema.update()
        with averages[0].applied(), torch.inference_mode():
            disturbed.eval()(images)
        disturbed.train()
    assert _same(disturbed.state_dict(), undisturbed.state_dict())
    assert _same(_averaged(averages[0], disturbed), _averaged(averages[1], undisturbed))


def test_a_state_dict_taken_inside_holds_the_average_when_it_is_over():
    network = _small()
    ema = Ema(network, 0.9)
    _train(network, ema, 3)
    with ema.applied():
        taken = network.state_dict()
    assert _same(taken, _averaged(ema, network))
    assert not _same(taken, network.state_dict())


# Resuming.


def _through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_resumed_average_goes_on_to_the_bit():
    whole = _small()
    ema = Ema(whole, 0.5)
    _train(whole, ema, 3, seed=0)
    saved = _through_a_file({"model": whole.state_dict(), "ema": ema.state_dict()})
    _train(whole, ema, 3, seed=1)

    resumed = _small()
    resumed_ema = Ema(resumed, 0.5)
    resumed.load_state_dict(saved["model"])
    resumed_ema.load_state_dict(saved["ema"])
    _train(resumed, resumed_ema, 3, seed=1)
    assert resumed_ema.updates == 6
    assert _same(_averaged(resumed_ema, resumed), _averaged(ema, whole))


def test_nothing_of_a_loaded_state_is_kept_or_changed():
    network = _weight(1.0)
    ema = Ema(network, 0.9)
    state = {"updates": 7, "average": {"weight": torch.tensor([[4.0]])}}
    ema.load_state_dict(state)
    ema.update()
    assert state["updates"] == 7
    assert state["average"]["weight"].item() == 4.0
