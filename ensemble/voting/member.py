"""One member of the vote: a trained model, run on photos exactly as in its own validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from common.errors import CheckpointError
from common.search_folder import BEST_WEIGHTS
from data_prep.store.store import Store
from trainable.best import load_best
from trainable.config import TrialConfig, check_frame
from trainable.network.model import build, place
from trainable.photos.feed import Streamed
from trainable.photos.params import View
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import Probabilities, predict, predict_photos


@dataclass(frozen=True)
class Member:
    """It predicts photos as its trial would.

    Attributes:
        name: of the trial, such as "trial-003".
        config: as the trial was trained.
        model: in eval mode, on the device that predicts.
        preprocessing: that of the trial's validation.
    """

    name: str
    config: TrialConfig
    model: torch.nn.Module
    preprocessing: Preprocessing
    device: torch.device

    @classmethod
    def load(cls, folder: Path, store: Store, device: torch.device) -> Member:
        """Rebuild the model of a trial's folder; nothing is downloaded, its weights are all there."""
        config, weights, about = load_best(folder / BEST_WEIGHTS)
        check_frame(about, store.source_size, str(folder / BEST_WEIGHTS))
        model = build(replace(config.model, weights="none"), store.task.classes)
        try:
            model.load_state_dict(weights)
        except RuntimeError:
            raise CheckpointError(
                f"{folder / BEST_WEIGHTS} holds no weights of a {config.model.arch} for {store.task.classes} classes: "
                "remove the trial's folder and go on without it"
            ) from None
        preprocessing = Preprocessing.of(config.crop, store)
        return cls(folder.name, config, place(model, device).eval(), preprocessing, device)

    def predict_rows(self, store: Store, rows: npt.NDArray[np.int64], views: Sequence[View]) -> Probabilities:
        """Predict photos of the store: softmax over the classes, mean over `views`, float32 [n, classes]."""
        return predict(self.model, Streamed(store, self.device), rows, self.preprocessing, views=views)

    def predict_photos(self, photos: npt.NDArray[np.uint8], views: Sequence[View]) -> Probabilities:
        """Predict uint8 [n, H, W, 3] photos treated like the store's, as `predict_rows` does."""
        return predict_photos(self.model, photos, self.preprocessing, device=self.device, views=views)
