"""What `python -m ensemble.predict` needs of a model, which is loaded wherever photos are predicted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from common.errors import OptionError
from data_prep.prepare.new_photos import NewPhotos
from ensemble.model.description import Description
from ensemble.model.load import load, open_folder, read_description
from ensemble.predictions.predictor import Predictor
from ensemble.predictions.tables import Outputs
from ensemble.voting.ensemble import Ensemble


def predictor(path: Path, tta: int | None) -> tuple[Description, Predictor]:
    """Describe the model, and promise to load it.

    Raises:
        ModelError: no model is there, or as `Description.from_json`.
    """
    with open_folder(path, weights=False) as folder:
        description = read_description(folder, str(path)).with_views(tta)
    key = json.dumps([description.files, description.to_json()["rule"], description.to_json()["views"]])
    return description, Predictor(partial(_load, path.absolute(), tta), description.meaning, key)


def _load(path: Path, tta: int | None) -> Ensemble:
    return load(path, tta=tta).ensemble


def check_spares(outputs: Outputs, model: Path, photos: NewPhotos) -> None:
    """Raises OptionError: to write one would destroy the model's own, or one of the photos to predict."""
    for option, file in outputs.files:
        photos.check_kept(option, file)
        if model.resolve() in (file.resolve(), file.resolve().parent):
            raise OptionError(f"{option} {file}: that would change the model; name another file")
