"""A model that predicts photos as the ensemble of its search did."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.errors import PhotoError
from common.security import terminal
from data_prep.layouts.listing import some
from data_prep.prepare.like import batches_like
from data_prep.prepare.new_photos import new_photos
from ensemble.model.description import Description
from ensemble.predictions.predictor import Meaning
from ensemble.predictions.tables import Rows, readable
from ensemble.voting.ensemble import Ensemble
from trainable.predict import Probabilities

AnyPath = str | os.PathLike[str]

AT_ONCE = 128
"""Photos that are predicted together: memory holds three times as many."""


@dataclass(frozen=True)
class Model:
    """It says what a photo shows.

    Attributes:
        description: what it is made of, and what is known of it.
    """

    description: Description
    ensemble: Ensemble

    @property
    def meaning(self) -> Meaning:
        """This is what the classes are."""
        return self.description.meaning

    def predict(self, photos: AnyPath | Sequence[AnyPath]) -> pd.DataFrame:
        """Predict photos, as `probabilities` does: a table of ImageID, what is said of each factor, and the
        probability of all of that together."""
        names, found = self.probabilities(photos)
        return readable(Rows(names, found.argmax(axis=1), found), self.meaning)

    def probabilities(self, photos: AnyPath | Sequence[AnyPath]) -> tuple[list[str], Probabilities]:
        """Find the probability of every class: the photos' names, and float32 [photos, classes].

        Args:
            photos: folders, photos, or CSVs that name photos. One that cannot be used is left out, and said.

        Raises:
            OptionError, LabelError: no photo is there. PhotoError: none can be used. WeightsError, StoreError: what
            removes the background is not here, or another one.
        """
        listed = new_photos(photos).photos
        batches = [listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE)]
        names: list[str] = []
        found: list[Probabilities] = []
        left_out: list[str] = []
        with closing(batches_like(self.description.treatment, batches)) as treated:
            for those, batch in zip(batches, treated, strict=True):
                names += [photo.path for position, photo in enumerate(those) if position not in batch.unusable]
                left_out += [f"{those[position].path} ({why})" for position, why in batch.unusable.items()]
                found += [self.ensemble.predict_photos(batch.pixels)] if len(batch.pixels) else []
        if not found:
            raise PhotoError(f"nothing to predict: {some(left_out, 'photos cannot be used')}")
        if left_out:
            terminal.say(f"left out: {some(left_out, 'photos that cannot be used')}")
        return names, np.concatenate(found)
