"""The best epoch of a trial as files for others to use.

best.safetensors       its weights, the trial's configuration in the metadata
val_predictions.npz    its softmax for every val photo
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from common.errors import CheckpointError, ConfigError
from common.files import replacing
from common.search_folder import BEST_WEIGHTS, VAL_PREDICTIONS
from common.security.regular_file import opened, parse_json
from data_prep.labels import IntArray
from trainable.config import FRAME, TrialConfig
from trainable.predict import Probabilities


@dataclass(frozen=True)
class Best:
    """The epoch with the highest macro F1 on val, the first of equals; of a refit the last one.

    Attributes:
        epoch: from 1.
        val_f1: NaN of a refit.
        low, high: 95% interval of `val_f1`, over people; NaN where it is not known.
        predictions: float32 [val photos, classes], softmax, in the order of `Trial.val_rows`.
        weights: state dict on the CPU.
    """

    epoch: int
    val_f1: float
    predictions: Probabilities
    weights: dict[str, Tensor]
    low: float = math.nan
    high: float = math.nan

    @property
    def scores(self) -> dict[str, float]:
        """What a report says of it."""
        return {
            "val_f1_best": self.val_f1,
            "val_f1_low": self.low,
            "val_f1_high": self.high,
            "best_epoch": self.epoch,
        }


def export_best(best: Best, config: TrialConfig, rows: IntArray, store_hash: str, folder: Path) -> None:
    """Write best.safetensors and val_predictions.npz of a trial's best epoch so far; of a refit, which predicts for
    nobody, the first alone.

    Args:
        rows: int64 [n], the store's photos that `best.predictions` are of.

    The first carries the metadata config (JSON of the flat keys), epoch, val_f1, store_hash, crop_frame and
    weights_sha256, the second probabilities (float32 [n, classes]), rows (int64 [n], of the store), store_hash, epoch
    and val_f1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {"epoch": best.epoch, "val_f1": best.val_f1, "store_hash": store_hash, "crop_frame": json.dumps(FRAME)}
    export_weights(folder / BEST_WEIGHTS, config, best.weights, about)
    if len(rows) == 0:
        return
    # Opened here: NumPy would add .npz to a temporary name that does not end so.
    with replacing(folder / VAL_PREDICTIONS, alone=True) as fresh, fresh.open("wb") as stream:
        np.savez(
            stream,
            probabilities=best.predictions,
            rows=rows,
            store_hash=store_hash,
            epoch=best.epoch,
            val_f1=best.val_f1,
        )


def export_weights(file: Path, config: TrialConfig, weights: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write what `load_best` reads; only one process may write the file at a time."""
    whole = {name: value.contiguous() for name, value in weights.items()}
    metadata = {"config": json.dumps(config.to_flat()), "weights_sha256": _digest(whole)}
    with replacing(file, alone=True) as fresh:
        save_file(whole, fresh, metadata | {name: str(value) for name, value in about.items()})


def load_best(file: Path) -> tuple[TrialConfig, dict[str, Tensor], dict[str, Any]]:
    """Read a best.safetensors: (config, weights on the CPU, {"epoch": int, "val_f1": float, "store_hash": str}),
    and "crop_frame" where the file says it (`config.check_frame`).

    Raises:
        CheckpointError: the file is missing or damaged, or no trial of this version wrote it.
    """
    try:
        with opened(file), safe_open(file, "pt") as saved:
            metadata = saved.metadata() or {}
            weights = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}): choose another trial, or train again") from None
    try:
        intact = metadata["weights_sha256"] == _digest(weights)
        config = _config(parse_json(metadata["config"]))
        about = {name: kind(metadata[name]) for name, kind in (("epoch", int), ("val_f1", float), ("store_hash", str))}
        about |= {"crop_frame": metadata["crop_frame"]} if "crop_frame" in metadata else {}
    except (KeyError, ValueError, ConfigError, TypeError) as error:  # the last of a dtype that NumPy has not
        raise CheckpointError(f"{file} is not of a trial of this version ({error}): choose another trial") from None
    if not intact:
        raise CheckpointError(f"{file} is damaged: its weights do not match their SHA-256; choose another trial")
    return config, weights, about


def read_config(file: Path) -> TrialConfig:
    """Read the configuration in a best.safetensors, and none of its weights.

    Raises:
        CheckpointError: the file is missing or damaged, or no trial of this version wrote it.
    """
    try:
        with opened(file), safe_open(file, "pt") as saved:
            return _config(parse_json((saved.metadata() or {})["config"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}): choose another trial, or train again") from None


def _config(flat: Any) -> TrialConfig:
    if not isinstance(flat, dict):
        raise ConfigError(f"config: settings and their values are needed, but they are {json.dumps(flat)[:60]}")
    return TrialConfig.from_flat(flat)


def _digest(weights: Mapping[str, Tensor]) -> str:
    """Take the SHA-256 over names, dtypes and bytes of contiguous CPU tensors."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name].numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
