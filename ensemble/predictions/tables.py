"""The files of predictions, written row by row as they come.

predictions.csv    ImageID, a column for each factor of the task by name, and the probability of that class
submission.csv     ImageID,ans of the reference task, for its grader: ans = mask*6 + gender*3 + age band
FILE.parquet       ImageID and the probability of every class, by its name
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.errors import OptionError
from common.files import blaming, check_file, replacing
from common.search_folder import ENSEMBLE, LEADERBOARD, SEARCH, STUDY
from common.security import spreadsheet
from data_prep.prepare.new_photos import NewPhotos
from ensemble.predictions.predictor import Meaning
from trainable.predict import Probabilities

PREDICTIONS, SUBMISSION, PARQUET = "predictions", "submission", ".parquet"
DIGITS = 4


@dataclass(frozen=True)
class Rows:
    """They are photos with their classes.

    Attributes:
        names, classes: of each photo; int64.
        probabilities: float32 [photos, classes]; NaN where a photo could not be used and was given its class.
    """

    names: Sequence[str]
    classes: npt.NDArray[np.int64]
    probabilities: Probabilities


@dataclass(frozen=True)
class Outputs:
    """They are the files to write.

    Attributes:
        predictions: a CSV for people.
        submission: a CSV for the reference task's grader; None: none is wanted.
        probabilities: a Parquet file; None: none is wanted.
    """

    predictions: Path
    submission: Path | None = None
    probabilities: Path | None = None

    @classmethod
    def of(cls, predictions: Path, meaning: Meaning, probabilities: Path | None = None) -> Outputs:
        """Name a submission as the predictions are, where the task is the reference's."""
        name = predictions.name.removeprefix(PREDICTIONS) if predictions.name.startswith(PREDICTIONS) else None
        submission = SUBMISSION + (f"-{predictions.name}" if name is None else name)
        return cls(predictions, predictions.parent / submission if meaning.is_reference else None, probabilities)

    @property
    def files(self) -> list[tuple[str, Path]]:
        """List them, each with the option that names it."""
        named = [("--out", self.predictions), ("--out", self.submission), ("--probabilities", self.probabilities)]
        return [(option, file) for option, file in named if file is not None]

    def check_spares(self, search: Path, photos: NewPhotos | None) -> None:
        """Raises OptionError: to write one would destroy what is the search's own, or one of the photos to predict."""
        theirs = [SEARCH, LEADERBOARD, STUDY, ENSEMBLE]
        theirs += [f"{name}.csv" for name in (PREDICTIONS, SUBMISSION)] if photos else []
        for option, file in self.files:
            if photos:
                photos.check_kept(option, file)
            if file.resolve() in {(search / name).resolve() for name in theirs}:
                raise OptionError(f"{option} {file}: that is the search's own file; name another one")

    def check(self) -> None:
        """Raises OptionError: one cannot be written, or two are one."""
        if self.probabilities and self.probabilities.suffix != PARQUET:
            raise OptionError(
                f"--probabilities {self.probabilities}: its name must end with {PARQUET}; name such a file"
            )
        for option, file in self.files:
            check_file(option, file)
        if len({file.resolve() for _, file in self.files}) < len(self.files):
            raise OptionError(f"--probabilities {self.probabilities}: --out is that file too; name another")


def write(outputs: Outputs, meaning: Meaning, rows: Iterable[Rows]) -> int:
    """Write all files, whole or not at all; returns how many photos they have.

    Raises:
        OptionError: one cannot be written.
    """
    photos = 0
    with ExitStack() as stack:
        for option, file in outputs.files:
            stack.enter_context(blaming(option, file))
        writers = [stack.enter_context(_predictions(outputs.predictions, meaning))]
        if outputs.submission:
            writers.append(stack.enter_context(_submission(outputs.submission)))
        if outputs.probabilities:
            writers.append(stack.enter_context(_probabilities(outputs.probabilities, meaning)))
        for some in rows:
            photos += len(some.names)
            for add in writers:
                add(some)
    return photos


def readable(rows: Rows, meaning: Meaning) -> pd.DataFrame:
    """Make a table for people: each photo's classes in words, and how sure the vote is of them."""
    sure = np.take_along_axis(rows.probabilities, rows.classes[:, None], axis=1)[:, 0].astype(np.float64)
    factors = meaning.by_factor(rows.classes)
    return pd.DataFrame({"ImageID": list(rows.names), **factors, "probability": sure.round(DIGITS)})


Add = Callable[[Rows], None]


@contextmanager
def _predictions(file: Path, meaning: Meaning) -> Iterator[Add]:
    with _csv(file) as add:
        yield lambda rows: add(spreadsheet.safe(readable(rows, meaning)))


@contextmanager
def _submission(file: Path) -> Iterator[Add]:
    """A grader compares names: they stand as they are, also where a spreadsheet would take one for a formula."""
    with _csv(file) as add:
        yield lambda rows: add(pd.DataFrame({"ImageID": list(rows.names), "ans": rows.classes}))


@contextmanager
def _csv(file: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    with replacing(file) as fresh, fresh.open("w", encoding="utf-8", newline="") as stream:

        def add(table: pd.DataFrame) -> None:
            table.to_csv(stream, index=False, header=stream.tell() == 0)

        yield add


@contextmanager
def _probabilities(file: Path, meaning: Meaning) -> Iterator[Add]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("ImageID", pa.string()), *((name, pa.float32()) for name in meaning.class_names)])
    with replacing(file) as fresh, pq.ParquetWriter(fresh, schema) as writer:

        def add(rows: Rows) -> None:
            columns = [pa.array(rows.names), *(pa.array(column) for column in rows.probabilities.T)]
            writer.write_table(pa.table(columns, schema=schema))

        yield add
