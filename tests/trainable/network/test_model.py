import threading
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save_file

from common.errors import WeightsError
from trainable.config import Model
from trainable.network import model
from trainable.network.model import build, place, read_weights

SCRATCH = Model("resnet18", "none")


def _same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_the_seed_decides_the_weights_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    assert _same(build(SCRATCH, seed=3), build(SCRATCH, seed=3))
    assert not _same(build(SCRATCH, seed=3), build(SCRATCH, seed=4))
    assert torch.equal(before, torch.get_rng_state())


def test_the_reference_arch_has_an_output_a_class():
    assert build(Model("resnet50", "none")).fc.weight.shape == (18, 2048)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth"])
def test_weights_come_from_a_file(tmp_path, name):
    donor = build(SCRATCH, seed=1)
    save = save_file if name.endswith("safetensors") else torch.save
    save(donor.state_dict(), tmp_path / name)
    assert _same(build(Model("resnet18", str(tmp_path / name)), seed=2), donor)


def test_a_final_layer_of_another_size_is_replaced_and_the_rest_kept(tmp_path):
    donor = build(SCRATCH, classes=1000, seed=1)
    torch.save(donor.state_dict(), tmp_path / "w.pt")
    loaded = build(Model("resnet18", str(tmp_path / "w.pt")), seed=2)
    assert torch.equal(loaded.conv1.weight, donor.conv1.weight)
    assert torch.equal(loaded.fc.weight, build(SCRATCH, seed=2).fc.weight)


def test_a_missing_file_of_weights_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pt: no such file"):
        build(Model("resnet18", str(tmp_path / "none.pt")))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_a_damaged_file_of_weights_is_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"not weights" * 100)
    with pytest.raises(WeightsError, match="cannot be read as weights") as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_of_weights_that_would_run_code_is_refused(tmp_path):
    torch.save({"conv1.weight": print}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_weights(tmp_path / "w.pt")


def test_a_file_of_something_else_is_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="a state dict of tensors is needed"):
        read_weights(tmp_path / "w.pt")


def test_weights_of_another_arch_are_refused(tmp_path):
    torch.save(build(SCRATCH).state_dict(), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="not weights of a resnet50"):
        build(Model("resnet50", str(tmp_path / "w.pt")))


def test_imagenet_weights_that_cannot_be_fetched_say_how_to_go_on_in_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    _proxy(monkeypatch, "http://127.0.0.1:9")  # the discard port: nobody answers
    with pytest.raises(WeightsError) as caught:
        build(Model("resnet50", "imagenet"))
    message = str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / "resnet50-0676ba61.pth") in message
    assert "--weights FILE" in message
    assert "--weights none" in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")
    assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


def test_imagenet_weights_in_torch_hubs_cache_are_used_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    donor = build(SCRATCH, classes=1000, seed=1)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(donor.state_dict(), tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth")
    loaded = build(Model("resnet18", "imagenet"))
    assert torch.equal(loaded.layer4[1].conv2.weight, donor.layer4[1].conv2.weight)


def _proxy(monkeypatch, address):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # urllib reads the proxies once a process, when it makes its opener.
    monkeypatch.setattr(urllib.request, "_opener", None)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_download_with_the_wrong_hash_is_refused_and_not_kept(tmp_path, monkeypatch):
    _proxy(monkeypatch, "")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "w-00000000.pth").write_bytes(b"something else")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path / "served"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(WeightsError, match="invalid hash value"):
        model._fetch(f"http://127.0.0.1:{server.server_port}/w-00000000.pth", tmp_path / "w-00000000.pth")
    server.shutdown()
    server.server_close()
    assert not (tmp_path / "w-00000000.pth").exists()


def test_a_placed_model_computes_in_channels_last():
    placed = place(build(SCRATCH), torch.device("cpu"))
    assert placed.layer1[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
