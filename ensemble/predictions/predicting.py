"""Photos -> predictions: part by part, in this process or in several, gone on with where it was cut off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import OptionError, PhotoError
from common.security import terminal
from common.wording import counted, things
from data_prep.layouts.listing import some
from data_prep.workers import bar
from ensemble.predictions import tables
from ensemble.predictions.kept import Kept
from ensemble.predictions.predictor import Meaning, Predictor
from ensemble.predictions.sources import Answer, Source
from ensemble.predictions.tables import Outputs, Rows
from ensemble.predictions.workforce import THIS_PROCESS, Workforce

PHOTOS_PER_PART = 128
"""So few that a kill costs minutes where models are many and cores few, and so many that a GPU is kept busy."""


@dataclass(frozen=True)
class Part:
    """It is some photos of a source, by their positions; `key` tells it from one of other photos or models."""

    positions: slice
    key: str

    @property
    def photos(self) -> int:
        return int(self.positions.stop - self.positions.start)

    def unusable(self, answer: Answer) -> dict[int, str]:
        """Say which of the source's photos the answer has none for, and why."""
        return {self.positions.start + position: why for position, why in answer.unusable.items()}


def predict_photos(
    predictor: Predictor,
    source: Source,
    outputs: Outputs,
    *,
    fallback: int | None = None,
    workforce: Workforce = THIS_PROCESS,
    progress: bool = True,
    say: Callable[[str], None] = terminal.say,
) -> list[Path]:
    """Predict a source's photos and write them to the outputs, in the source's order. Killed, the next call goes on.

    A photo that cannot be used is left out and named, or has the class `fallback`.

    Returns:
        the files that were written.

    Raises:
        OptionError: an output cannot be written. PhotoError: no photo can be used, and there is no `fallback`.
        StoreError, WeightsError: backgrounds cannot be removed as they were. DeviceError, CheckpointError.
    """
    outputs.check()
    names, classes = source.names, predictor.meaning.task.classes
    parts = _parts(source, predictor)
    with Kept(outputs.predictions) as kept:
        unusable: dict[int, str] = {}
        missing: list[Part] = []
        for part in parts:
            answer = kept.read(part.key, part.photos, classes)
            missing += [part] if answer is None else []
            unusable |= part.unusable(answer) if answer else {}
        if len(missing) < len(parts):
            there = len(names) - sum(part.photos for part in missing)
            say(f"going on: {there} of {counted(len(names), 'photo')} {things(there, 'is', 'are')} predicted already")
        with bar(progress and bool(missing)) as shown:
            task = shown.add_task("photos", total=sum(part.photos for part in missing))
            for part, answer in _answers(predictor, source, missing, workforce, say):
                kept.write(part.key, answer)
                unusable |= part.unusable(answer)
                shown.advance(task, part.photos)
        left_out = [f"{names[position]} ({why})" for position, why in sorted(unusable.items())]
        if len(unusable) == len(names) and fallback is None:
            kept.remove()
            raise PhotoError(f"nothing to predict: {some(left_out, 'photos cannot be used')}")
        rows = (
            _rows(names[part.positions], kept.read(part.key, part.photos, classes), classes, fallback) for part in parts
        )
        written = tables.write(outputs, predictor.meaning, rows)
        kept.remove()
    _summarize(written, left_out, outputs, predictor.meaning, fallback, say)
    return [file for _, file in outputs.files]


def _parts(source: Source, predictor: Predictor) -> list[Part]:
    parts = []
    photos = len(source.names)
    for start in range(0, photos, PHOTOS_PER_PART):
        positions = slice(start, min(start + PHOTOS_PER_PART, photos))
        states = [source.state(position) for position in range(positions.start, positions.stop)]
        key = hashlib.sha256(json.dumps([predictor.key, states]).encode()).hexdigest()
        parts.append(Part(positions, key))
    return parts


def _answers(
    predictor: Predictor, source: Source, parts: Sequence[Part], workforce: Workforce, say: Callable[[str], None]
) -> Iterator[tuple[Part, Answer]]:
    """Have the workforce predict the parts; without any, no model is loaded."""
    if parts:
        positions = [part.positions for part in parts]
        for number, answer in workforce.answers(predictor, source, positions, say):
            yield parts[number], answer


def _rows(names: Sequence[str], answer: Answer | None, classes: int, fallback: int | None) -> Rows:
    """Give photos their classes; those that could not be used the fallback, or no row."""
    if answer is None:
        raise OptionError("parts of the predictions went while they were made; run the same command again")
    found = answer.probabilities.reshape(-1, classes)
    usable = [position for position in range(len(names)) if position not in answer.unusable]
    if fallback is None:
        return Rows([names[position] for position in usable], found.argmax(axis=1), found)
    chosen = np.full(len(names), fallback, dtype=np.int64)
    probabilities = np.full((len(names), classes), np.nan, dtype=np.float32)
    chosen[usable], probabilities[usable] = found.argmax(axis=1), found
    return Rows(names, chosen, probabilities)


def _summarize(
    photos: int,
    left_out: Sequence[str],
    outputs: Outputs,
    meaning: Meaning,
    fallback: int | None,
    say: Callable[[str], None],
) -> None:
    """Say what was written, and what became of photos that could not be used."""
    if left_out and fallback is not None:
        given = f"photos that cannot be used, given class {fallback}, {meaning.class_names[fallback]}, as asked"
        say(f"--fallback: {some(left_out, given)}")
    elif left_out:
        say(f"left out: {some(left_out, 'photos that cannot be used')}; --fallback CLASS would give them a class")
    say(f"{counted(photos, 'photo')} predicted: {outputs.predictions}")
    if outputs.submission:
        say(f"for the task's grader, ImageID,ans: {outputs.submission}")
    if outputs.probabilities:
        say(f"the probability of every class: {outputs.probabilities}")
