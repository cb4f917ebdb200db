import pickle
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


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("saved", "what"),
    [
        ({"conv1.weight": len}, "len"),
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        ({"model": torch.nn.ReLU()}, "torch.nn.modules.activation.ReLU"),
    ],
)
def test_a_file_of_weights_that_would_run_code_is_refused_and_its_owner_told_what_to_save(
    tmp_path, saved, what, zipped
):
    torch.save(saved, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError) as refusal:
        read_weights(tmp_path / "w.pt")
    assert str(refusal.value) == (
        f"{tmp_path}/w.pt: cannot be read as weights (it holds more than tensors, {what}, which would be run as code: "
        "save model.state_dict() instead); name a file of weights with --weights FILE, or start from scratch with "
        "--weights none"
    )


def test_a_pickle_that_torch_has_not_written_is_refused_in_a_line(tmp_path, capfd):
    (tmp_path / "w.pt").write_bytes(pickle.dumps(torch.nn.Linear(2, 2)))
    with pytest.raises(WeightsError, match=r"\(torch.save has not written it\); name a file"):
        read_weights(tmp_path / "w.pt")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("saved", [{"epoch": 3}, [1, 2], {"state_dict": {"a": 1}}, {"state_dict": 3}])
def test_a_file_of_something_else_is_refused(tmp_path, saved):
    torch.save(saved, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="a state dict of tensors is needed"):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_what_wrappers_put_before_names_is_taken_off(tmp_path, name, prefix):
    donor = build(SCRATCH, seed=1)
    save = save_file if name.endswith("safetensors") else torch.save
    save({prefix + key: value for key, value in donor.state_dict().items()}, tmp_path / name)
    assert _same(build(Model("resnet18", str(tmp_path / name)), seed=2), donor)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_weights_in_a_checkpoint_of_a_training_are_found(tmp_path, key):
    donor = build(SCRATCH, seed=1)
    torch.save({"epoch": 3, key: donor.state_dict()}, tmp_path / "w.pt")
    assert _same(build(Model("resnet18", str(tmp_path / "w.pt")), seed=2), donor)


def test_weights_of_before_batches_were_counted_are_taken_and_others_that_lack_something_are_not(tmp_path):
    donor = build(SCRATCH, seed=1)
    old = {key: value for key, value in donor.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "w.pt")
    assert _same(build(Model("resnet18", str(tmp_path / "w.pt")), seed=2), donor)
    torch.save({key: value for key, value in old.items() if key != "bn1.running_mean"}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"bn1\.running_mean does not match"):
        build(Model("resnet18", str(tmp_path / "w.pt")))


def test_only_weights_that_were_fetched_are_to_be_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    fetched = tmp_path / "hub/checkpoints/resnet18-f37072fd.pth"
    fetched.parent.mkdir(parents=True)
    for file, advice in ((fetched, "; delete it, or name"), (tmp_path / "mine.pt", "; name a file")):
        file.write_bytes(b"PK\x03\x04 torn")
        with pytest.raises(WeightsError, match=advice):
            read_weights(file)


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
