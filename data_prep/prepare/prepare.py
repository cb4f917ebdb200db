"""Raw photos -> a dataset store, and new photos -> the very pixels they would have had in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common import ray_cluster
from common.errors import OptionError, PhotoError, StoreError
from data_prep.labels import OFFICIAL_BANDS
from data_prep.layouts.listing import MAX_AGE, Photo, photos_below
from data_prep.photos import background as backgrounds
from data_prep.photos import masks
from data_prep.photos.background import Background
from data_prep.prepare.draft import Draft, sweep
from data_prep.prepare.inputs import Inputs, Row, Source, gather
from data_prep.prepare.parts import Job, Part, Record, Treated, treat
from data_prep.prepare.tally import Tally
from data_prep.prepare.this_machine import make_here
from data_prep.store.shards import PHOTOS_PER_SHARD, Photos
from data_prep.store.split import FRACTIONS, SPLITS
from data_prep.store.store import Store
from data_prep.workers import Threads, bar, default_workers, in_order, with_bar

MAX_LEFT_OUT = 0.01
SIDES = range(8, 4097)

AnyPath = str | os.PathLike[str]
Crew = Callable[..., Iterator[tuple[Part, Record]]]
"""(parts, said=) -> each part with its record, when it is done."""


def prepare(
    images: AnyPath,
    labels: AnyPath | None,
    out: AnyPath,
    *,
    eval_dir: AnyPath | None = None,
    layout: str | None = None,
    corrections: Sequence[str] = (),
    bands: tuple[int, int] = OFFICIAL_BANDS,
    background: str | Background = "u2net_human_seg",
    size: tuple[int, int] | None = None,
    seed: int = 0,
    profile: str | None = None,
    max_left_out: float = MAX_LEFT_OUT,
    workers: int | None = None,
    address: str | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Store:
    """Make a dataset store. If it is interrupted or fails, the next call makes what is missing, to the same bytes.

    Args:
        images, labels: the photos and what is known of them, as `layout` has it.
        out: where the store goes. A store made there of the same inputs is opened instead; another is left alone.
        eval_dir: holds info.csv and images/: photos without labels, to predict.
        layout: one of layouts.LAYOUTS; None: guessed.
        corrections: files of corrections to the labels, or names of known ones ("agreed", "doubtful").
        bands: the official age bands: first ages, in years, of the middle and the old band.
        background: one of background.METHODS, the .onnx file of a model, or a Background.
        size: (height, width) to store; None: the size that most labelled photos have.
        seed: of the splits.
        profile: "reference" or "sample"; None: "sample" where `images` lies in a drawn sample.
        max_left_out: share of the photos, 0..1, that may be left out because they cannot be decoded or treated.
        workers: threads on a machine; None: as many as there are cores.
        address: of a Ray cluster whose machines all see the photos and `out`; None: this machine alone.
        progress: whether a bar is shown.
        say: takes the lines that a person should read.

    Raises:
        OptionError, LabelError, PhotoError, WeightsError, StoreError: with what to do about it in the message.
    """
    _check(size, max_left_out, bands, workers)
    if isinstance(background, str) and background.endswith(backgrounds.OWN):
        background = str(Path(background).absolute())  # workers have other working folders
    named = background if isinstance(background, Background) else backgrounds.named(background)
    source = Source(Path(images), _path(labels), _path(eval_dir), layout, tuple(corrections), bands=bands, seed=seed)
    inputs = gather(source, say)
    stored = size or inputs.source_size
    made_from = inputs.made_from | {"background": named.describe(), "size": list(stored)}
    if os.path.lexists(out):
        return _existing(Path(out), made_from, say)
    ready = background if isinstance(background, Background) else backgrounds.load(background)
    versions = ready.versions()
    settings = {"background": named.describe(), "size": list(stored), "versions": versions}
    with Draft(Path(out), stored, settings) as draft:
        crew = _crew(Job(draft.shards, stored, ready), background, workers, address, say)
        records = _records(draft, _parts(inputs), crew, max_left_out, progress, say)
        rows, found = _kept(inputs, records)
        folder = draft.finish(
            rows,
            records,
            **found,
            profile=profile or inputs.profile,
            bands=bands,
            source_size=inputs.source_size,
            background=named.describe(),
            split={"seed": seed, "fractions": list(FRACTIONS)},
            made_from=made_from,
            versions=versions,
        )
    return Store.open(folder)


def _parts(inputs: Inputs) -> list[Part]:
    """The photos in their order, a shard at a time."""
    train = [row["split"] == SPLITS[0] for row in inputs.rows]
    cuts = [slice(start, start + PHOTOS_PER_SHARD) for start in range(0, len(train), PHOTOS_PER_SHARD)]
    return [Part(number, inputs.photos[cut], train[cut]) for number, cut in enumerate(cuts)]


def _crew(
    job: Job, background: str | Background, workers: int | None, address: str | None, say: Callable[[str], None]
) -> Crew:
    """Who makes the parts: this machine, or those of a Ray cluster."""
    if address is None:
        return partial(make_here, job=job, threads=workers or default_workers())
    if isinstance(background, Background):
        raise OptionError("on a cluster the background must be one that every machine can load by its name")
    ray_cluster.use_token()
    from data_prep.prepare.cluster import make_there

    return partial(make_there, job=job, background=background, threads=workers, address=address, say=say)


def _records(
    draft: Draft, parts: Sequence[Part], crew: Crew, most: float, progress: bool, say: Callable[[str], None]
) -> list[Record]:
    """The records of all parts, in their order: those of earlier runs, and those that are made now."""
    records = draft.records(parts)
    missing = [part for part in parts if part.number not in records]
    if records:
        say(f"going on with {draft.folder}: {len(records)} of {len(parts)} shards are there")
    draft.check_space(missing)
    total = sum(len(part.photos) for part in parts)
    with bar(progress) as shown:
        said = Tally(total, most, shown)
        said.before((part, records[part.number]) for part in parts if part.number in records)
        for part, record in crew(missing, said=said):
            draft.keep(part, record)
            records[part.number] = record
    return [records[part.number] for part in parts]


def _kept(inputs: Inputs, records: Sequence[Record]) -> tuple[list[Row], dict[str, Any]]:
    """Rows of index.csv of the photos that are in the store, and what store.json says of the masks and the others."""
    rows: list[Row] = []
    left_out: list[dict[str, str]] = []
    for number, record in enumerate(records):
        theirs = inputs.rows[number * PHOTOS_PER_SHARD :][: record.photos]
        rows += [row for i, row in enumerate(theirs) if i not in record.left_out]
        left_out += [{"path": str(theirs[i]["path"]), "why": why} for i, why in record.left_out.items()]
    found = [mask for record in records for mask in record.masks]
    return rows, {"left_out": left_out, "masks": masks.summary([str(row["path"]) for row in rows], found)}


def prepare_like(
    store: Store, photos_dir: AnyPath, *, workers: int | None = None, progress: bool = False
) -> tuple[list[str], Photos]:
    """Every photo in `photos_dir` and below, treated as the store's were.

    Returns:
        names relative to the folder, sorted, and uint8 [photos, height, width, 3].

    Raises:
        OptionError: no photo there. PhotoError: one that cannot be used. StoreError: the store's background was
        removed with another model than the one here. WeightsError: the model cannot be had.
    """
    names, batches = batches_like(store, photos_dir, workers=workers, progress=progress)
    return names, np.concatenate(list(batches))


def batches_like(
    store: Store, photos_dir: AnyPath, *, batch_size: int = 256, workers: int | None = None, progress: bool = False
) -> tuple[list[str], Iterator[Photos]]:
    """`prepare_like` for more photos than memory holds: the names, and the photos in their order, in batches."""
    listed = photos_below(Path(photos_dir))
    results = _treat_all(listed, store.size, _background_of(store), workers, progress)
    return [photo.path for photo in listed], _batches(listed, results, batch_size)


def _treat_all(
    listed: Sequence[Photo], size: tuple[int, int], background: Background, workers: int | None, progress: bool
) -> Generator[Treated | PhotoError]:
    treated = partial(treat, size=size, background=background)
    with Threads(workers or default_workers()) as threads:
        yield from with_bar(in_order(treated, listed, threads), len(listed), "photos", progress)


def _batches(listed: Sequence[Photo], results: Iterator[Treated | PhotoError], size: int) -> Iterator[Photos]:
    batch: list[Photos] = []
    for photo, result in zip(listed, results, strict=True):
        if isinstance(result, PhotoError):
            raise PhotoError(f"{photo.file}: {result}; mend it or move it elsewhere")
        batch.append(result.pixels)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _background_of(store: Store) -> Background:
    try:
        return backgrounds.load_as(store.meta["background"])
    except StoreError as error:
        raise StoreError(f"{store.path}: {error}") from None


def _existing(out: Path, made_from: Mapping[str, Any], say: Callable[[str], None]) -> Store:
    try:
        store = Store.open(out)
    except StoreError as error:
        raise StoreError(f"{out} exists and is not a store to go on with ({error}), or choose another --out") from None
    before = store.meta.get("made_from", {})
    differs = [key.removesuffix("_sha256") for key, value in made_from.items() if before.get(key) != value]
    if differs:
        raise StoreError(f"{out} holds a store made with other {', '.join(differs)}: choose another --out")
    sweep(out)
    say(f"{out} was prepared before, of the same photos in the same way: nothing to do")
    return store


def _check(size: tuple[int, int] | None, max_left_out: float, bands: tuple[int, int], workers: int | None) -> None:
    if size is not None and not all(side in SIDES for side in size):
        raise OptionError(f"--size: sides must be {SIDES[0]} to {SIDES[-1]} pixels, but got {size[0]}x{size[1]}")
    if not 0 <= max_left_out <= 1:
        raise OptionError(f"--allow-left-out must be a share, 0 to 1, but is {max_left_out}")
    if not 1 <= bands[0] < bands[1] <= MAX_AGE:
        raise OptionError(f"--bands: 1 <= first < second <= {MAX_AGE} must hold, but got {bands[0]},{bands[1]}")
    if workers is not None and workers < 1:
        raise OptionError(f"--workers must be 1 or more, but is {workers}")


def _path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path)
