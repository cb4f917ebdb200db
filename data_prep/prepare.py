"""Raw photos -> a dataset store, and new photos -> the very pixels they would have had in it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from data_prep import background as backgrounds
from data_prep import layouts, photos
from data_prep.background import Background
from data_prep.layouts import Photo
from data_prep.shards import Photos, file_sha256
from data_prep.split import FRACTIONS, assign
from data_prep.store import Store
from data_prep.store_files import EVAL
from data_prep.store_writer import StoreWriter
from data_prep.workers import default_workers, in_order, with_bar
from errors import MasktuneError, OptionError, PhotoError, StoreError

MAX_LEFT_OUT = 0.01
MAX_SIDE = 4096
SAMPLE_FILE = "sample.json"

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
        size: (height, width) to store; None: the commonest size among the labelled photos.
        seed: of the splits.
        profile: "reference" or "sample"; None: "sample" where `images` lies in a drawn sample.
        max_left_out: share of the photos, 0..1, that may be left out because they cannot be decoded or treated.
        workers: threads; None: as many as there are cores.
        progress: whether a bar is shown.
        say: takes the lines that a person should read.

    Raises:
        OptionError, LabelError, PhotoError, WeightsError, StoreError: with what to do about it in the message.
    """
    images, labels, evals = Path(images), Path(labels), None if eval_dir is None else Path(eval_dir)
    named = background if isinstance(background, Background) else backgrounds.named(background)
    _check(size, max_left_out)
    listed, splits = _list(images, labels, evals, seed, say)
    source_size = _commonest_size(listed)
    made_from = {
        "labels_sha256": file_sha256(labels),
        "eval_sha256": None if evals is None else file_sha256(evals / layouts.EVAL_CSV),
        "photos_sha256": _listing_hash(listed),
        "background": named.describe(),
        "size": list(size or source_size),
        "seed": seed,
    }
    if os.path.lexists(out):
        return _existing(Path(out), made_from, say)
    remover = backgrounds.load(background) if isinstance(background, str) else background
    job = partial(_treated, size=size or source_size, background=remover)
    left_out: list[dict[str, str]] = []
    with StoreWriter(out, size or source_size) as writer:
        results = in_order(job, listed, workers or default_workers())
        for photo, result in zip(listed, with_bar(results, len(listed), "photos", progress), strict=True):
            if isinstance(result, PhotoError):
                left_out.append({"path": photo.path, "why": str(result)})
                _check_left_out(left_out, len(listed), max_left_out)
            else:
                writer.add(result, _row(photo, splits))
        path = writer.finish(
            profile=profile or _profile(images),
            source_size=source_size,
            background=named.describe(),
            left_out=left_out,
            split={"seed": seed, "fractions": list(FRACTIONS)},
            made_from=made_from,
            versions=_versions(remover),
        )
    return Store.open(path)


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
    """`prepare_like` for more photos than fit in memory: the names, and the photos in their order, in batches."""
    listed = layouts.photos_below(Path(photos_dir))
    job = partial(_treated, size=store.size, background=_background_of(store))
    results = with_bar(in_order(job, listed, workers or default_workers()), len(listed), "photos", progress)
    return [photo.path for photo in listed], _batches(results, batch_size, listed)


def _batches(results: Iterator[Photos | PhotoError], size: int, listed: Sequence[Photo]) -> Iterator[Photos]:
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
    method = store.meta["background"]["method"]
    if (here := backgrounds.named(method).describe()) != store.meta["background"]:
        raise StoreError(f"{store.path}: made with {store.meta['background']}, but here is {here}; prepare it again")
    return backgrounds.load(method)


def _list(
    images: Path, labels: Path, evals: Path | None, seed: int, say: Callable[[str], None]
) -> tuple[list[Photo], pd.Series]:
    """All photos, labelled ones first, and the split of each labelled person, drawn before any photo is left out."""
    people = layouts.read_people(labels)
    listed, strange = layouts.labelled(images, labels, people)
    if strange:
        say(f"{len(strange)} photos are not used, for their names say no mask state: {', '.join(strange[:3])}, ...")
    return listed + (layouts.unlabelled(evals) if evals else []), assign(people, seed)


def _treated(photo: Photo, size: tuple[int, int], background: Background) -> Photos | PhotoError:
    try:
        return treat(photos.load(photo.file), size, background)
    except PhotoError as error:
        return error


def _row(photo: Photo, splits: pd.Series) -> dict[str, Any]:
    split = EVAL if photo.mask is None else splits[photo.person]
    labels = {"mask": photo.mask, "gender": photo.gender, "age": photo.age}
    return {"path": photo.path, "person": photo.person, "split": split, **labels}


def _commonest_size(listed: Sequence[Photo]) -> tuple[int, int]:
    sizes = Counter(photos.upright_size(photo.file) for photo in listed if photo.mask is not None)
    del sizes[None]
    if not sizes:
        raise PhotoError(f"none of the {len(listed)} photos can be read, e.g. {listed[0].file}")
    return max(sizes, key=lambda size: (sizes[size], size or (0, 0))) or (0, 0)


def _listing_hash(listed: Sequence[Photo]) -> str:
    """Tells a changed set of photos from the one that was prepared, without reading them."""
    lines = (f"{photo.mask is None}\t{photo.path}\t{photo.file.stat().st_size}\n" for photo in listed)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _existing(out: Path, made_from: dict[str, Any], say: Callable[[str], None]) -> Store:
    try:
        store = Store.open(out)
    except MasktuneError as error:
        raise StoreError(f"{out} exists and is no whole store ({error}): choose another --out") from None
    before = store.meta.get("made_from", {})
    if differs := [key.removesuffix("_sha256") for key, value in made_from.items() if before.get(key) != value]:
        raise StoreError(f"{out} holds a store made with other {', '.join(differs)}: choose another --out")
    say(f"{out} was prepared before, of the same photos in the same way: nothing to do")
    return store


def _check(size: tuple[int, int] | None, max_left_out: float) -> None:
    if size is not None and not all(8 <= side <= MAX_SIDE for side in size):
        raise OptionError(f"--size must be HEIGHTxWIDTH with sides of 8 to {MAX_SIDE} pixels, but is {size}")
    if not 0 <= max_left_out <= 1:
        raise OptionError(f"--allow-left-out must be a share, 0 to 1, but is {max_left_out}")


def _check_left_out(left_out: Sequence[dict[str, str]], total: int, most: float) -> None:
    if len(left_out) <= most * total:
        return
    first = "; ".join(f"{photo['path']} ({photo['why']})" for photo in left_out[:3])
    raise PhotoError(
        f"{len(left_out)} of {total} photos cannot be used so far, and at most {most:.1%} may be left out: {first}. "
        "Mend or remove them, or let a larger share be left out: --allow-left-out 0.05"
    )


def _profile(images: Path) -> str:
    return "sample" if (images.resolve().parent.parent / SAMPLE_FILE).is_file() else "reference"


def _versions(background: Background) -> dict[str, str]:
    packages = ["numpy", "Pillow", *(["rembg", "onnxruntime"] if background.model else [])]
    return {package: version(package) for package in packages}
