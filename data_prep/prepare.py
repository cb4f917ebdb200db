"""Raw photos -> a dataset store, and new photos -> the very pixels they would have had in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep import background as backgrounds
from data_prep import photos
from data_prep.background import Background
from data_prep.inputs import Inputs, gather
from data_prep.layouts.listing import Photo, photos_below
from data_prep.shards import Photos
from data_prep.split import FRACTIONS
from data_prep.store import Store
from data_prep.store_writer import StoreWriter
from data_prep.workers import default_workers, in_order, with_bar
from errors import OptionError, PhotoError, StoreError

MAX_LEFT_OUT = 0.01
SIDES = range(8, 4097)

AnyPath = str | os.PathLike[str]


def treat(photo: Image.Image, size: tuple[int, int], background: Background) -> Photos:
    """An upright RGB photo -> background black, centre-fitted to `size` (height, width): uint8 [height, width, 3].

    Raises:
        PhotoError: nobody could be told from the background.
    """
    return photos.fit(background(photo), size)


def prepare(
    images: AnyPath,
    labels: AnyPath,
    out: AnyPath,
    *,
    eval_dir: AnyPath | None = None,
    background: str | Background = "u2net_human_seg",
    size: tuple[int, int] | None = None,
    seed: int = 0,
    profile: str | None = None,
    max_left_out: float = MAX_LEFT_OUT,
    workers: int | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Store:
    """Make a dataset store of photos in the reference layout; nothing is left behind if it fails.

    Args:
        images, labels: the folder of people's folders, and the CSV that names them.
        out: where the store goes. A store made there of the same inputs is opened instead; another is left alone.
        eval_dir: holds info.csv and images/: photos without labels, to predict.
        background: one of background.METHODS, or a Background.
        size: (height, width) to store; None: the size that most labelled photos have.
        seed: of the splits.
        profile: "reference" or "sample"; None: "sample" where `images` lies in a drawn sample.
        max_left_out: share of the photos, 0..1, that may be left out because they cannot be decoded or treated.
        workers: threads; None: as many as there are cores.
        progress: whether a bar is shown.
        say: takes the lines that a person should read.

    Raises:
        OptionError, LabelError, PhotoError, WeightsError, StoreError: with what to do about it in the message.
    """
    _check(size, max_left_out)
    named = background if isinstance(background, Background) else backgrounds.named(background)
    inputs = gather(
        Path(images),
        Path(labels),
        None if eval_dir is None else Path(eval_dir),
        background=named,
        size=size,
        seed=seed,
        say=say,
    )
    if os.path.lexists(out):
        return _existing(Path(out), inputs, say)
    ready = background if isinstance(background, Background) else backgrounds.load(background)
    with StoreWriter(out, inputs.size) as writer:
        left_out = _fill(writer, inputs, ready, max_left_out, workers, progress)
        folder = writer.finish(
            profile=profile or inputs.profile,
            source_size=inputs.source_size,
            background=named.describe(),
            left_out=left_out,
            split={"seed": seed, "fractions": list(FRACTIONS)},
            made_from=inputs.made_from,
            versions=_versions(ready),
        )
    return Store.open(folder)


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


def _fill(
    writer: StoreWriter,
    inputs: Inputs,
    background: Background,
    max_left_out: float,
    workers: int | None,
    progress: bool,
) -> list[dict[str, str]]:
    """Add every photo that can be; returns those that cannot."""
    left_out: list[dict[str, str]] = []
    with closing(_treat_all(inputs.photos, inputs.size, background, workers, progress)) as results:
        for photo, result in zip(inputs.photos, results, strict=True):
            if isinstance(result, PhotoError):
                left_out.append({"path": photo.path, "why": str(result)})
                _check_left_out(left_out, len(inputs.photos), max_left_out)
            else:
                writer.add(result, inputs.row(photo))
    return left_out


def _treat_all(
    listed: Sequence[Photo], size: tuple[int, int], background: Background, workers: int | None, progress: bool
) -> Generator[Photos | PhotoError]:
    job = partial(_treated, size=size, background=background)
    return with_bar(in_order(job, listed, workers or default_workers()), len(listed), "photos", progress)


def _treated(photo: Photo, size: tuple[int, int], background: Background) -> Photos | PhotoError:
    try:
        return treat(photos.load(photo.file), size, background)
    except PhotoError as error:
        return error


def _batches(listed: Sequence[Photo], results: Iterator[Photos | PhotoError], size: int) -> Iterator[Photos]:
    batch: list[Photos] = []
    for photo, result in zip(listed, results, strict=True):
        if isinstance(result, PhotoError):
            raise PhotoError(f"{photo.file}: {result}; mend it or move it elsewhere")
        batch.append(result)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _background_of(store: Store) -> Background:
    made_with = store.meta["background"]
    if (here := backgrounds.named(made_with["method"]).describe()) != made_with:
        raise StoreError(f"{store.path}: its background went by {made_with}, but here is {here}; prepare it again")
    return backgrounds.load(made_with["method"])


def _existing(out: Path, inputs: Inputs, say: Callable[[str], None]) -> Store:
    try:
        store = Store.open(out)
    except StoreError as error:
        raise StoreError(f"{out} exists and is not a store to go on with ({error}), or choose another --out") from None
    before = store.meta.get("made_from", {})
    differs = [key.removesuffix("_sha256") for key, value in inputs.made_from.items() if before.get(key) != value]
    if differs:
        raise StoreError(f"{out} holds a store made with other {', '.join(differs)}: choose another --out")
    say(f"{out} was prepared before, of the same photos in the same way: nothing to do")
    return store


def _check(size: tuple[int, int] | None, max_left_out: float) -> None:
    if size is not None and not all(side in SIDES for side in size):
        raise OptionError(f"--size: sides must be {SIDES[0]} to {SIDES[-1]} pixels, but got {size[0]}x{size[1]}")
    if not 0 <= max_left_out <= 1:
        raise OptionError(f"--allow-left-out must be a share, 0 to 1, but is {max_left_out}")


def _check_left_out(left_out: Sequence[dict[str, str]], total: int, most: float) -> None:
    if len(left_out) <= most * total:
        return
    first = "; ".join(f"{photo['path']} ({photo['why']})" for photo in left_out[:3])
    raise PhotoError(
        f"{len(left_out)} of {total} photos cannot be used so far, and at most {most:.1%} may be left out: {first}. "
        "Mend or remove them, or allow a larger share, e.g. --allow-left-out 0.05"
    )


def _versions(background: Background) -> dict[str, str]:
    packages = ["numpy", "Pillow", *(["rembg", "onnxruntime"] if background.model else [])]
    return {package: version(package) for package in packages}
