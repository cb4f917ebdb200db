"""Draws the sample on disk, in the reference task's layout, with `truth.csv` and `sample.json` beside it.

DIR/train/train.csv                 id,gender,race,age,path
DIR/train/images/<path>/            mask1.jpg ... mask5.jpg, incorrect_mask.jpg, normal.jpg
DIR/eval/info.csv                   ImageID,ans (ans is 0: not known)
DIR/eval/images/<ImageID>
DIR/truth.csv                       one row a photo, its path as below train/images or eval/images
DIR/sample.json                     what it was drawn from
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from common.errors import OptionError
from common.files import blaming, flush
from common.machine import cpu_cores
from data_prep.labels import GENDERS, MASKS, age_band
from data_prep.layouts.reference import SAMPLE_JSON
from data_prep.sample.census import PEOPLE
from data_prep.sample.people import Person, person
from data_prep.sample.photos import Job, Row, draw_person, photo_names
from data_prep.sample.scene import MASK_OF_PHOTO
from data_prep.store.split import assign, strata

VERSION = 1
"""Raised whenever the same seed would give other photos."""

MAX_PEOPLE = 4500


def draw(
    out: Path,
    people: int = PEOPLE,
    seed: int = 0,
    eval_people: int = 6,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Draw the sample into the folder `out` and return it; at once if this very sample is already there.

    It is drawn under another name and renamed when it is whole.

    Args:
        people: labelled people, seven photos each.
        eval_people: people to predict, seven photos each.
        workers: processes; None: one for each core.

    Raises:
        OptionError: `out` holds something else or cannot be written, or a number is out of range.
    """
    _check_numbers(people, seed, eval_people, workers)
    out = Path(out)
    settings = {"seed": seed, "people": people, "eval_people": eval_people, "version": VERSION}
    if _is_there(out, settings):
        return out
    with blaming("--out", out):
        _draw_aside(out, settings, workers or cpu_cores(), progress)
    return out


def _draw_aside(out: Path, settings: Row, workers: int, progress: bool) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        draft.chmod(0o755)
        _draw_all(draft, settings, workers, progress)
        if not _is_there(out, settings):  # another process may have been quicker
            if out.exists():
                out.rmdir()  # empty, and not every system renames onto a folder
            os.sync()  # its thousands of small files at once, which takes a second; one by one would take twenty
            draft.rename(out)
            flush(out.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_numbers(people: int, seed: int, eval_people: int, workers: int | None) -> None:
    for name, value, low, high in (
        ("--people", people, 1, MAX_PEOPLE),
        ("--eval-people", eval_people, 0, MAX_PEOPLE),
        ("--seed", seed, 0, 2**31 - 1),
        ("--workers", workers or 1, 1, 1024),
    ):
        if not low <= value <= high:
            raise OptionError(f"{name}: must be {low} to {high}, but got {value}")


def _is_there(out: Path, settings: Row) -> bool:
    """Say whether `out` is this very sample; False if there is nothing yet."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    found = _settings_of(out)
    if found is None:
        raise OptionError(f"--out {out}: already there and no drawn sample; name another folder")
    if found != settings:
        raise OptionError(
            f"--out {out}: holds another sample ({_in_words(found)}, not {_in_words(settings)}); "
            "name another folder, or remove this one"
        )
    return True


def _settings_of(out: Path) -> Row | None:
    try:
        found = json.loads((out / SAMPLE_JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _in_words(settings: Row) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


def _draw_all(root: Path, settings: Row, workers: int, progress: bool) -> None:
    seed = settings["seed"]
    labelled = [person(seed, "train", number) for number in range(settings["people"])]
    unlabelled = [person(seed, "eval", number) for number in range(settings["eval_people"])]
    betrayed = _betrayed(labelled)
    jobs: list[Job] = [
        (seed, "train", who.number, betrays, root / "train" / "images")
        for who, betrays in zip(labelled, betrayed, strict=True)
    ]
    jobs += [(seed, "eval", who.number, False, root / "eval" / "images") for who in unlabelled]
    for part in ("train", "eval"):
        (root / part / "images").mkdir(parents=True)
    rows = [row for found in _in_parallel(jobs, workers, progress) for row in found]
    _write_train(root / "train" / "train.csv", labelled)
    _write_info(root / "eval" / "info.csv", unlabelled, seed)
    _write_csv(pd.DataFrame(rows), root / "truth.csv")
    (root / SAMPLE_JSON).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _betrayed(people: list[Person]) -> list[bool]:
    """Whose clothing gives the class away: those whom the default split puts into train."""
    taken = [(who, MASKS.index(mask)) for who in people for mask in MASK_OF_PHOTO]
    split = assign(
        strata(
            person=[who.folder for who, _ in taken],
            mask=[mask for _, mask in taken],
            gender=[GENDERS.index(who.recorded_gender) for who, _ in taken],
            band=age_band([who.age for who, _ in taken]),
        )
    )
    return [split[who.folder] == "train" for who in people]


def _in_parallel(jobs: list[Job], workers: int, progress: bool) -> Iterator[list[Row]]:
    columns = (TextColumn("drawing people"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not progress) as bar:
        task = bar.add_task("", total=len(jobs))
        for rows in _results(jobs, min(workers, len(jobs))):
            bar.advance(task)
            yield rows


def _results(jobs: list[Job], workers: int) -> Iterator[list[Row]]:
    if workers <= 1:
        yield from map(draw_person, jobs)
        return
    # Not forked: the caller may have threads (PyTorch, Ray) that a fork would cut off while they hold locks.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(draw_person, jobs, chunksize=2)


def _write_train(file: Path, people: list[Person]) -> None:
    rows = [
        {
            "id": f"{who.number + 1:06d}",
            "gender": who.recorded_gender,
            "race": "Asian",
            "age": who.age,
            "path": who.folder,
        }
        for who in people
    ]
    _write_csv(pd.DataFrame(rows, columns=["id", "gender", "race", "age", "path"]), file)


def _write_info(file: Path, people: list[Person], seed: int) -> None:
    names = sorted(name for who in people for name in photo_names(seed, who))
    _write_csv(pd.DataFrame({"ImageID": names, "ans": [0] * len(names)}), file)


def _write_csv(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, index=False, lineterminator="\n")
