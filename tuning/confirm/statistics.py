"""How sure is the winner? The best trials of a search, trained again several times, and their order put to the test.

The best score of a search is the highest of many noisy ones, and so too high. Runs that no search chose among tell by
how much: with fresh *seeds*, all judged on the search's own val photos, or on person-grouped *folds*, which together
judge every train and val person once. Seeds keep the search's val people, so what its score owes to these people stays;
folds are free of most of that.

    runs = read_runs(folder, store)
    candidates = [Candidate("trial-003", 0.640, (runs["trial-001"], runs["trial-002"])), ...]
    found = confirm(candidates, store.classes(), store.person, store.task, trials=50)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import search_state
from common.errors import SearchError
from common.search_folder import VAL_PREDICTIONS, read_val_predictions
from data_prep.store.store import Store
from data_prep.task import Task
from trainable.recipe.bootstrap import bootstrap_macro_f1
from trainable.recipe.intervals import Difference, interval
from trainable.recipe.metrics import macro_f1

IntArray = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

SEEDS, FOLDS = "seeds", "folds"


@dataclass(frozen=True)
class Run:
    """One training of a candidate.

    Attributes:
        rows: int64 [n], ascending: the store's rows that it was judged on.
        predicted: int64 [n], its classes for them.
    """

    rows: IntArray
    predicted: IntArray

    def __post_init__(self) -> None:
        rows, predicted = self.rows, self.predicted
        if rows.ndim != 1 or len(rows) == 0 or rows.shape != predicted.shape or (np.diff(rows) <= 0).any():
            raise ValueError(f"a class for each of one or more ascending rows is needed, but got {rows}, {predicted}")


@dataclass(frozen=True)
class Candidate:
    """A trial of the search and its new runs.

    Attributes:
        searched: its val_f1_best in the search.
    """

    name: str
    searched: float
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise SearchError(f"{self.name} has no run that ended, so there is nothing to compare; confirm it again")


@dataclass(frozen=True)
class Confirmed:
    """What the new runs say of one candidate.

    Attributes:
        name, searched: the candidate's.
        runs: macro F1 of each run.
        score: seeds: the mean of `runs`; folds: macro F1 of the joined predictions, since the mean over folds is
            biased where a fold has few photos of a class (Forman and Scholz 2010).
        sd: standard deviation of `runs` (ddof 1), None for one run. Folds also differ in their people.
        low, high: 95% interval of `score`, over people and, with seeds, over seeds.
        best: probability of the highest score of all candidates, ties split.
        above_next: probability of a higher score than the next rank's, ties split; None for the last rank.
        gain: what its score is above the next rank's, on the same people; None for the last rank.
    """

    name: str
    searched: float
    runs: tuple[float, ...]
    score: float
    sd: float | None
    low: float
    high: float
    best: float
    above_next: float | None
    gain: Difference | None


@dataclass(frozen=True)
class Confirmation:
    """All candidates, best `score` first.

    Attributes:
        kind: "seeds" or "folds": what the runs of a candidate differ in.
        trials: how many the search had tried when it chose the candidates.
        photos, people: that every candidate was judged on.
    """

    kind: str
    trials: int
    photos: int
    people: int
    resamples: int
    candidates: tuple[Confirmed, ...]


def confirm(
    candidates: Sequence[Candidate],
    truth: npt.ArrayLike,
    person: npt.ArrayLike,
    task: Task,
    *,
    trials: int,
    resamples: int = 1000,
    seed: int = 0,
) -> Confirmation:
    """Compare candidates by a bootstrap over people, the same ones for all, and over each candidate's own seeds.

    Of R seeds a resample draws R - 1 with replacement: the variance of their mean is then s^2/R, and that of R draws
    would be too small by a share of 1/R (Rao and Wu 1988). A single seed adds no width. What one run gets wrong about
    one person is counted with both people and seeds, so with several seeds this errs on the side of doubt (Owen 2007).

    Args:
        candidates: at least one, in the search's order, which decides between equal scores.
        truth: int [photos of the store], official classes.
        person: [photos of the store], equal where two photos show one person.
        task: the store's.

    Raises:
        SearchError: not all candidates were judged on the same photos.
    """
    rows, passes = _same_photos(candidates)
    actual, people = np.asarray(truth)[rows], np.asarray(person)[rows]
    score = np.array([np.mean([macro_f1(actual, guess) for guess in each]) for each in passes])
    order = np.argsort(-score, kind="stable")
    boundaries = np.cumsum([len(each) for each in passes])[:-1]
    resampled = bootstrap_macro_f1(actual, np.concatenate(passes), people, task, resamples, seed)
    drawn = _draw_seeds(np.split(resampled, boundaries, axis=1), seed)[:, order]
    best = _best(drawn)
    above_next = [*(_above(score[order[i : i + 2]], drawn[:, i : i + 2]) for i in range(len(order) - 1)), (None, None)]
    return Confirmation(
        kind=FOLDS if any(len(p) < len(c.runs) for p, c in zip(passes, candidates, strict=True)) else SEEDS,
        trials=trials,
        photos=len(rows),
        people=len(np.unique(people)),
        resamples=resamples,
        candidates=tuple(
            _confirmed(candidates[i], np.asarray(truth), float(score[i]), drawn[:, rank], float(best[rank]), *above)
            for rank, (i, above) in enumerate(zip(order, above_next, strict=True))
        ),
    )


def read_runs(folder: Path, store: Store) -> dict[str, Run]:
    """The runs in a folder of trials, by the trial's name; a trial that finished no epoch is left out.

    Raises:
        SearchError: predictions are damaged, or of another store.
    """
    trials = search_state.trial_folders(folder)
    return {each.name: _read(file, store) for each in trials if (file := each / VAL_PREDICTIONS).exists()}


def _read(file: Path, store: Store) -> Run:
    try:
        saved = read_val_predictions(file, store.task.classes)
    except ValueError as error:
        raise SearchError(f"{file} is damaged ({error}); remove the trial's folder and confirm again") from None
    if saved.store_hash != store.hash or saved.rows[0] < 0 or saved.rows[-1] >= len(store):
        raise SearchError(f"{file} was made on another store than {store.path}; name the search's own store")
    return Run(saved.rows, saved.probabilities.argmax(axis=1))


def _same_photos(candidates: Sequence[Candidate]) -> tuple[IntArray, list[IntArray]]:
    """(the rows that all were judged on, each candidate's predictions of them)."""
    rows, passes = zip(*map(_passes, candidates), strict=True)
    for candidate, theirs in zip(candidates, rows, strict=True):
        if not np.array_equal(theirs, rows[0]):
            raise SearchError(
                f"{candidates[0].name} and {candidate.name} were not judged on the same photos "
                f"({len(rows[0])} and {len(theirs)}): every run of both must have ended; confirm them again"
            )
    return rows[0], list(passes)


def _passes(candidate: Candidate) -> tuple[IntArray, IntArray]:
    """(rows, classes [passes over these rows, n]): every seed is a pass, all folds together are one."""
    runs = candidate.runs
    if all(np.array_equal(run.rows, runs[0].rows) for run in runs):
        return runs[0].rows, np.stack([run.predicted for run in runs])
    joined = np.concatenate([run.rows for run in runs])
    rows, positions = np.unique(joined, return_index=True)
    if len(rows) < len(joined):
        raise SearchError(
            f"{candidate.name}: its runs must all be judged on the same photos (seeds), or share none (folds), but "
            "some of them share some; confirm it again"
        )
    return rows, np.concatenate([run.predicted for run in runs])[positions][None]


def _draw_seeds(scores: list[Scores], seed: int) -> Scores:
    """Scores of each candidate's passes, [resamples, passes] -> mean of those drawn, [resamples, candidates]."""
    rng = np.random.default_rng((seed, 1))  # of its own: `seed` itself draws the people
    means = []
    for each in scores:
        resamples, passes = each.shape
        picked = rng.integers(passes, size=(resamples, max(1, passes - 1)))
        means.append(np.take_along_axis(each, picked, axis=1).mean(axis=1))
    # Two and three times the same score have means that differ in the last bit, which would be no tie.
    return np.stack(means, axis=1).round(12)


def _best(drawn: Scores) -> Scores:
    """[resamples, candidates] -> [candidates], the share of resamples in which each is highest; ties are split."""
    top = drawn == drawn.max(axis=1, keepdims=True)
    return np.asarray((top / top.sum(axis=1, keepdims=True)).mean(axis=0))


def _above(score: Scores, drawn: Scores) -> tuple[float, Difference]:
    """Compare the first of two candidates with the second: how likely it is above, and by how much."""
    gain = float(score[0] - score[1])
    return float(_best(drawn)[0]), Difference(gain, *interval(drawn[:, 0] - drawn[:, 1], gain))


def _confirmed(
    candidate: Candidate,
    truth: IntArray,
    score: float,
    drawn: Scores,
    best: float,
    above_next: float | None,
    gain: Difference | None,
) -> Confirmed:
    runs = tuple(macro_f1(truth[run.rows], run.predicted) for run in candidate.runs)
    sd = float(np.std(runs, ddof=1)) if len(runs) > 1 else None
    low, high = interval(drawn, score)
    return Confirmed(candidate.name, candidate.searched, runs, score, sd, low, high, best, above_next, gain)
