"""Checkpoints: a trial's state, hashed and checked on loading, and the best epoch as files for others to use.

state.pt               all that a resumed trial needs
manifest.json          SHA-256 and size of state.pt
best.safetensors       weights of the best epoch, its configuration in the metadata
val_predictions.npz    softmax of the best epoch for every val photo
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from errors import CheckpointError, ConfigError
from files import BEST_WEIGHTS, VAL_PREDICTIONS, file_sha256, write_json
from trainable.config import TrialConfig

if TYPE_CHECKING:
    from trainable.loop import Trial

STATE_FILE, MANIFEST_FILE = "state.pt", "manifest.json"


def exists(folder: Path) -> bool:
    return (folder / STATE_FILE).is_file()


def save(state: Mapping[str, Any], folder: Path) -> None:
    """Write state.pt and manifest.json, replacing those of an earlier epoch.

    Killed at any moment it leaves a checkpoint that loads: until the new state has its name, the manifest vouches
    for the old one as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{STATE_FILE}.partial"
    try:
        torch.save(dict(state), fresh)
    except RuntimeError as error:
        if "PytorchStreamWriter" not in str(error):
            raise
        raise OSError(errno.ENOSPC, "the disk did not take the checkpoint", str(fresh)) from None
    previous = _fingerprint(folder / STATE_FILE) if exists(folder) else None
    write_json(folder / MANIFEST_FILE, {**_fingerprint(fresh), "previous": previous})
    fresh.replace(folder / STATE_FILE)


def load(folder: Path) -> dict[str, Any]:
    """The state that `save` wrote, tensors on the CPU; nothing but tensors and plain values is unpickled.

    Raises:
        CheckpointError: a file is missing, or state.pt is not what the manifest vouches for.
    """
    file = folder / STATE_FILE
    if not exists(folder):
        raise CheckpointError(f"{file} is missing: go on from another checkpoint, or train again")
    manifest = _manifest(folder)
    if _fingerprint(file) not in (_only_fingerprint(manifest), manifest.get("previous")):
        raise CheckpointError(
            f"{file} is damaged: its SHA-256 is not in {MANIFEST_FILE}; go on from another checkpoint"
        )
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{file} cannot be read ({reason[:120]}); go on from another checkpoint") from None
    return state


def export_best(trial: Trial, folder: Path) -> None:
    """Write best.safetensors and val_predictions.npz of the trial's best epoch so far.

    The first carries the metadata config (JSON of the flat keys), epoch, val_f1, store_hash and weights_sha256, the
    second probabilities (float32 [n, 18]), rows (int64 [n], of the store), store_hash, epoch and val_f1.

    Raises:
        ValueError: no epoch has finished.
    """
    best = trial.best
    if best is None:
        raise ValueError("a trial has no best epoch before its first has finished")
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in best.weights.items()}
    metadata = {
        "config": json.dumps(trial.config.to_flat()),
        "weights_sha256": _digest(weights),
        "epoch": str(best.epoch),
        "val_f1": str(best.val_f1),
        "store_hash": trial.store.hash,
    }
    fresh = folder / f".{BEST_WEIGHTS}.partial"
    save_file(weights, fresh, metadata)
    fresh.replace(folder / BEST_WEIGHTS)
    # NumPy would add .npz to a temporary name that does not end so.
    fresh = folder / f".partial.{VAL_PREDICTIONS}"
    np.savez(
        fresh,
        probabilities=best.predictions,
        rows=trial.val_rows,
        store_hash=trial.store.hash,
        epoch=best.epoch,
        val_f1=best.val_f1,
    )
    fresh.replace(folder / VAL_PREDICTIONS)


def load_best(file: Path) -> tuple[TrialConfig, dict[str, Tensor], dict[str, Any]]:
    """A best.safetensors -> (config, weights on the CPU, {"epoch": int, "val_f1": float, "store_hash": str}).

    Raises:
        CheckpointError: the file is missing or damaged, or no trial of this version wrote it.
    """
    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}): choose another trial, or train again") from None
    try:
        intact = metadata["weights_sha256"] == _digest(weights)
        config = TrialConfig.from_flat(json.loads(metadata["config"]))
        about = {name: kind(metadata[name]) for name, kind in (("epoch", int), ("val_f1", float), ("store_hash", str))}
    except (KeyError, ValueError, ConfigError) as error:
        raise CheckpointError(f"{file} is not of a trial of this version ({error}): choose another trial") from None
    if not intact:
        raise CheckpointError(f"{file} is damaged: its weights do not match their SHA-256; choose another trial")
    return config, weights, about


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST_FILE
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}); go on from another checkpoint") from None


def _only_fingerprint(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: manifest.get(name) for name in ("sha256", "bytes")}


def _fingerprint(file: Path) -> dict[str, Any]:
    return {"sha256": file_sha256(file), "bytes": file.stat().st_size}


def _digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, dtypes and bytes of contiguous CPU tensors."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name].numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
