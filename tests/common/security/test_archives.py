"""Archives of arrays that somebody forged: a trial's predictions and weights, read by the vote."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from common.errors import CheckpointError
from common.search_folder import read_val_predictions
from data_prep.store.store import Store
from ensemble.voting.member import Member
from trainable import best
from trainable.best import load_best
from trainable.config import TrialConfig

N = 4


def npy(array: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def header(shape: str, descr: str = "<f4") -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def archive(file: Path, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    fields = {
        "probabilities": npy(np.full((N, 18), 1 / 18, np.float32)),
        "rows": npy(np.arange(N)),
        "store_hash": npy("abc"),
        "val_f1": npy(0.5),
    }
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in (fields | members).items():
            made.writestr(f"{name}.npy", content)
    return file


def test_one_that_nobody_forged_is_read(tmp_path: Path) -> None:
    assert read_val_predictions(archive(tmp_path / "p.npz"), 18).val_f1 == 0.5


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"probabilities": header("(2**70,)")}, "."),
        ({"probabilities": header(f"({2**70},)")}, "."),
        ({"probabilities": header(f"({2**40}, 18)")}, "."),
        ({"probabilities": header("(4, 18)")}, "EOF|read"),
        ({"probabilities": header("(-4, 18)")}, "."),
        ({"probabilities": header("(4, 18)", "|O") + b"cos\nsystem\n(S'true'\ntR."}, "allow_pickle=False"),
        ({"probabilities": b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000}, "."),
        ({"probabilities": b""}, "."),
        ({"probabilities": npy(np.full((N, 18), np.nan, np.float32))}, "not all probabilities are numbers"),
        ({"probabilities": npy(np.full((N, 18), np.inf, np.float32))}, "not all probabilities are numbers"),
        ({"probabilities": npy(np.full((N, 3), 0.3, np.float32))}, "are needed"),
        ({"probabilities": npy("a")}, "are needed"),
        ({"rows": npy(np.arange(N, dtype=float))}, "ascending rows of the store are needed"),
        ({"rows": npy([3, 2, 1, 0])}, "ascending rows of the store are needed"),
        ({"val_f1": npy(2.0)}, "val_f1: a number from 0 to 1 is needed, but it is 2.0"),
        ({"val_f1": npy(-np.inf)}, "val_f1: a number from 0 to 1 is needed"),
        ({"val_f1": npy([0.5, 0.5])}, "."),
        ({"val_f1": npy("high")}, "."),
    ],
)
def test_arrays_that_are_something_else_are_a_value_error_of_a_line(
    members: dict[str, bytes], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=why) as refusal:
        read_val_predictions(archive(tmp_path / "p.npz", **members), 18)
    assert str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_one_that_would_unpack_to_gigabytes_is_not_unpacked(
    compression: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = archive(tmp_path / "p.npz", compression, probabilities=header(f"({2**20}, 18)") + bytes(2**26))
    assert file.stat().st_size < 2**18
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(ValueError, match=r"probabilities\.npy is compressed or encrypted"):
        read_val_predictions(file, 18)


def test_one_that_is_encrypted_or_no_archive_is_refused(tmp_path: Path) -> None:
    file = archive(tmp_path / "p.npz")
    plain = file.read_bytes()
    file.write_bytes(plain.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))
    assert file.read_bytes() != plain
    with pytest.raises(ValueError, match="is compressed or encrypted"):
        read_val_predictions(file, 18)
    for content in (npy(np.zeros(3)), b"", plain[:-30], b"PK\x05\x06" + bytes(18)):
        file.write_bytes(content)
        with pytest.raises(ValueError) as refusal:
            read_val_predictions(file, 18)
        assert "\n" not in str(refusal.value)


def weights(file: Path, tensors: dict[str, torch.Tensor], **changes: str) -> Path:
    metadata = {
        "config": json.dumps(TrialConfig().to_flat()),
        "weights_sha256": "" if "x" not in tensors else best._digest(tensors),
        **{"epoch": "1", "val_f1": "0.5", "store_hash": "abc", "crop_frame": "[512, 384]"},
    }
    save_file(tensors, file, {**metadata, **changes})
    return file


@pytest.mark.parametrize(
    "changes",
    [
        *({"config": text} for text in ("[]", "7", "null", '"x"', "{", "[" * 5000, '{"model/arch": []}')),
        *({"config": text} for text in ('{"a": 1}', '{"train/seed": 1e999}', '{"crop/height": NaN}')),
        *({"epoch": text} for text in ("", "one", "1" * 5000)),
        {"val_f1": "high"},
    ],
)
def test_weights_whose_words_are_nonsense_are_refused_in_a_line(changes: dict[str, str], tmp_path: Path) -> None:
    file = weights(tmp_path / "best.safetensors", {"x": torch.zeros(2)}, **changes)
    with pytest.raises(CheckpointError, match="is not of a trial of this version") as refusal:
        load_best(file)
    assert "\n" not in str(refusal.value)


def test_weights_of_a_kind_that_numpy_has_not_are_refused_in_a_line(tmp_path: Path) -> None:
    file = weights(tmp_path / "best.safetensors", {"y": torch.zeros(2, dtype=torch.bfloat16)})
    with pytest.raises(CheckpointError, match="is not of a trial of this version"):
        load_best(file)


def test_weights_that_no_network_of_the_config_has_are_refused_in_a_line(tmp_path: Path, small_store: Store) -> None:
    weights(tmp_path / "best.safetensors", {"x": torch.zeros(2)})
    with pytest.raises(CheckpointError, match=r"holds no weights of a resnet50 for 18 classes: remove") as refusal:
        Member.load([tmp_path], small_store, torch.device("cpu"))
    assert "\n" not in str(refusal.value)
