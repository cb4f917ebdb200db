"""What `python -m ensemble.predict` needs of a model, which is loaded wherever photos are predicted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from common.errors import OptionError
from data_prep.prepare.like import Treatment
from data_prep.prepare.new_photos import NewPhotos
from ensemble.model.load import load
from ensemble.predictions.predictor import Predictor
from ensemble.predictions.tables import Outputs
from ensemble.voting.ensemble import Ensemble


def predictor(path: Path, tta: int | None) -> tuple[Treatment, Predictor]:
    """Load a model, and say how photos are treated for it; other processes load it for themselves.

    Raises:
        ModelError, DeviceError: as for `load`. WeightsError, StoreError: what removes the background is not here, or
        another one.
    """
    model = load(path, tta=tta)
    model.description.treatment.load()
    about = model.description.to_json()
    key = json.dumps([about[name] for name in ("files", "rule", "views")])
    again = partial(_load, path.absolute(), tta)
    return model.description.treatment, Predictor(again, model.meaning, key, ready=model.ensemble)


def _load(path: Path, tta: int | None) -> Ensemble:
    return load(path, tta=tta).ensemble


def check_spares(outputs: Outputs, model: Path, photos: NewPhotos) -> None:
    """Raises OptionError: to write one would destroy the model's own, or one of the photos to predict."""
    for option, file in outputs.files:
        photos.check_kept(option, file)
        if model.resolve() in (file.resolve(), file.resolve().parent):
            raise OptionError(f"{option} {file}: that would change the model; name another file")
