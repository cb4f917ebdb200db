"""One member of the vote: a trained model, or several averaged, run on photos exactly as in its own validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import CheckpointError
from common.search_folder import BEST_WEIGHTS, VAL_PREDICTIONS, read_val_predictions
from data_prep.store.store import Store
from ensemble.voting.folding import folded
from trainable.best import load_best
from trainable.config import TrialConfig, check_frame
from trainable.device import amp_dtype
from trainable.network.model import build, place
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import softmax


@dataclass(frozen=True)
class Member:
    """It predicts photos as its trial would.

    Attributes:
        name: of the trial, such as "trial-003".
        config: as the trial was trained; of several models that of the first.
        models: in evaluation mode, on the device that predicts: one, or those of several folds or seeds.
        preprocessing: that of the trial's validation.
        classes: how many it tells apart.

    Raises:
        ValueError: there is no model.
    """

    name: str
    config: TrialConfig
    models: tuple[nn.Module, ...]
    preprocessing: Preprocessing
    device: torch.device
    classes: int

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError(f"models: one or more must hold, but {self.name} got none")

    @classmethod
    def load(cls, folders: Sequence[Path], store: Store, device: torch.device) -> Member:
        """Rebuild the model of a trial's folder; of several (trials that differ in fold or seed) those models, which
        are averaged. Nothing is downloaded, their weights are all there.

        Raises:
            CheckpointError: a folder holds no weights, or those of another network than it says, or the trials see
                photos differently.
        """
        models, configs = zip(*(_load(folder / BEST_WEIGHTS, store, device) for folder in folders), strict=True)
        seen = [Preprocessing.of(config.crop, store) for config in configs]
        if odd := [folder for folder, each in zip(folders, seen, strict=True) if each != seen[0]]:
            raise CheckpointError(
                f"{odd[0]} was trained on another crop than {folders[0]}: they can both vote, but not as one member"
            )
        return cls(folders[0].name, configs[0], models, seen[0], device, store.task.classes)

    def vote(self, images: Tensor) -> Tensor:
        """Compute the softmax, mean over the models, of what they see: float32 [n, classes]."""
        return torch.stack([softmax(model, images) for model in self.models]).mean(dim=0)


def network(config: TrialConfig, weights: Mapping[str, Tensor], classes: int, device: torch.device) -> nn.Module:
    """Build a trained network for predicting alone: in evaluation mode, folded, on the device, on a CPU by `winograd`.

    Raises:
        RuntimeError: the weights are of another network.
    """
    with torch.device("meta"):  # to draw weights that are replaced at once takes as long as all the rest
        model = build(replace(config.model, weights="none"), classes)
    model.load_state_dict(dict(weights), assign=True)
    ready = folded(model.eval())
    if device.type == "cpu" and amp_dtype(device) == torch.float32:
        from ensemble.voting import winograd  # for numba, which takes half a second

        winograd.replace(ready)
    return place(ready, device)


def _load(file: Path, store: Store, device: torch.device) -> tuple[nn.Module, TrialConfig]:
    config, weights, about = load_best(file)
    check_frame(about, store.source_size, str(file))
    try:
        model = network(config, weights, store.task.classes, device)
    except RuntimeError:
        raise CheckpointError(
            f"{file} holds no weights of a {config.model.arch} for {store.task.classes} classes: "
            "remove the trial's folder and go on without it"
        ) from None
    _check_own(file, about, store)
    return model, config


def _check_own(file: Path, about: Mapping[str, Any], store: Store) -> None:
    """Raises CheckpointError: the weights were put there from another trial, as what was predicted with them tells."""
    beside = file.with_name(VAL_PREDICTIONS)
    try:
        score = read_val_predictions(beside, store.task.classes).val_f1 if beside.exists() else math.nan
    except ValueError as error:
        raise CheckpointError(
            f"{beside} is damaged ({error}); remove the trial's folder and go on without it"
        ) from None
    other = f"another store than {store.path}" if about["store_hash"] != store.hash else None
    if not other and not math.isnan(score) and score != about["val_f1"]:
        other = f"another trial or epoch than {beside.name} beside it"
    if other:
        raise CheckpointError(
            f"{file} is of {other}: put back its own, or remove the trial's folder and go on without it"
        )
