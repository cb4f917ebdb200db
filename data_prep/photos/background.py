"""Takes the background out of a photo: what is not a person becomes black, as the corners of a rotated photo are.

The only file that knows rembg. Its models are named here and known by their SHA-256: rembg checks a download, but
never again the file it left, and its other back ends send photos elsewhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from common.errors import OptionError, PhotoError, StoreError, WeightsError
from common.files import file_sha256, replacing
from data_prep.choices import METHODS
from data_prep.photos.masks import Mask

OWN = ".onnx"
"""A method that ends so is the file of a model of one's own, with u2net's inputs and outputs."""

SAMPLE_MODEL = Path(__file__).parents[1] / "sample" / "segmenter.onnx"
HUMAN_SEG_SHA256 = "01eb6a29a5c4d8edb30b56adad9bb3a2a0535338e480724a213e0acfd2d1c73c"

Segment = Callable[[Image.Image], npt.ArrayLike | Image.Image]
"""RGB photo -> 0 (background) to 255 (person) for each pixel, [height, width]; an L image will do."""


@dataclass(frozen=True)
class Background:
    """What is done to a background.

    Attributes:
        method: one of choices.METHODS, or "own".
        model, sha256: the segmenter's file name and hash, None where there is none.
        segment: None keeps the background.
    """

    method: str = "keep"
    model: str | None = None
    sha256: str | None = None
    segment: Segment | None = None

    def __call__(self, photo: Image.Image) -> tuple[Image.Image, Mask | None]:
        """Put an RGB photo on black; what its mask was like comes with it, None where the background is kept.

        Raises:
            PhotoError: the segmenter tells nothing from anything.
        """
        if self.segment is None:
            return photo, None
        found = self.segment(photo)
        mask = found if isinstance(found, Image.Image) else Image.fromarray(np.asarray(found, dtype=np.uint8))
        lowest, highest = mask.getextrema()
        if lowest == highest:
            raise PhotoError("no person was told from the background")
        return Image.composite(photo, Image.new("RGB", photo.size), mask), Mask.of(mask)

    def describe(self) -> dict[str, Any]:
        """Describe it as it stands in store.json."""
        return {"method": self.method, "model": self.model, "sha256": self.sha256}

    def versions(self) -> dict[str, str]:
        """Give the versions of the packages that decide a treated photo's pixels."""
        packages = ["numpy", "Pillow", *(["rembg", "onnxruntime"] if self.model else [])]
        return {package: version(package) for package in packages}


def named(method: str) -> Background:
    """Know the method with its model and hash, before any model is loaded: for comparing, not for calling.

    Raises:
        OptionError: no such method. WeightsError: a model's file is not where it should be.
    """
    if method == "keep":
        return Background()
    if method == "u2net_human_seg":
        return Background(method, "u2net_human_seg.onnx", HUMAN_SEG_SHA256)
    if method == "sample":
        return _of_file(method, SAMPLE_MODEL, "restore it from the repository, or use --background keep")
    if method.endswith(OWN):
        return _of_file("own", Path(method), "name the .onnx file of a model, or one of " + ", ".join(METHODS))
    raise OptionError(f"--background must be one of {', '.join(METHODS)}, or a model.onnx, but is {method!r}")


def _of_file(method: str, file: Path, advice: str) -> Background:
    if not file.is_file():
        raise WeightsError(f"{file} is missing: {advice}")
    return Background(method, file.name, file_sha256(file))


@cache
def load(method: str) -> Background:
    """Load the method, to be called from any thread; its model is fetched if need be and loaded once a process.

    Raises:
        OptionError: no such method. WeightsError: its model, or what runs it, cannot be had.
    """
    background = named(method)
    if method == "keep":
        return background
    _require_rembg()
    if method == "u2net_human_seg":
        file = _human_seg_file()
        name, options = method, {}
    else:
        file = _in_rembgs_home(SAMPLE_MODEL if method == "sample" else Path(method), background)
        name, options = "u2net_custom", {"model_path": str(file)}
    if (actual := file_sha256(file)) != background.sha256:
        raise WeightsError(
            f"{file}: SHA-256 {actual[:12]}... is not the known model's; delete the file to fetch it anew"
        )
    return replace(background, segment=_session(name, options))


def load_as(described: dict[str, Any]) -> Background:
    """Load the method of a store, from what its store.json says of it (`Background.describe`).

    Raises:
        WeightsError: a model of one's own that has never been used here, or as for `load`.
        StoreError: the model here is another one.
    """
    method = described["method"]
    if method == "own":
        _require_rembg()
        method = str(kept(described["sha256"]))
        if not Path(method).is_file():
            raise WeightsError(f"the background went by {described['model']}, a model of your own; copy it to {method}")
        return replace(load(method), model=described["model"])
    if (here := named(method).describe()) != described:
        raise StoreError(f"its background went by {described}, but here is {here}; prepare it again")
    return load(method)


def _session(name: str, options: dict[str, Any]) -> Segment:
    import onnxruntime
    from rembg import new_session

    settings = onnxruntime.SessionOptions()
    # Photos are the parallel part: threads within one photo would only get in the way of each other.
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    session = new_session(name, sess_opts=settings, providers=providers, **options)

    def segment(photo: Image.Image) -> Image.Image:
        # A constant prediction is divided by its range of 0 in there; it comes back as a constant mask.
        with np.errstate(divide="ignore", invalid="ignore"):
            mask: Image.Image = session.predict(photo)[0]
            return mask

    return segment


def _require_rembg() -> None:
    try:
        import onnxruntime  # noqa: F401

        with _numba_idle():
            import rembg  # noqa: F401
    except (ImportError, SystemExit) as error:
        raise WeightsError(f"rembg cannot run here ({error}): pip install -r requirements.txt") from None


@contextmanager
def _numba_idle() -> Iterator[None]:
    """Keep numba from compiling rembg's alpha matting on import: it takes a minute, and is not used here."""
    import numba

    config: Any = numba.config
    before, config.DISABLE_JIT = config.DISABLE_JIT, True
    try:
        yield
    finally:
        config.DISABLE_JIT = before


def _human_seg_file() -> Path:
    from rembg.sessions.u2net_human_seg import U2netHumanSegSession as Session

    place = Path(Session.model_dir()) / "u2net_human_seg.onnx"
    try:
        return Path(Session.download_models())
    except Exception as error:  # pooch passes on whatever its connection, the disk or the checksum made of it
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise WeightsError(
            f"u2net_human_seg.onnx could not be fetched ({why}): put the file at {place}, or use --background keep"
        ) from None


def _in_rembgs_home(model: Path, background: Background) -> Path:
    """Make a copy of the model inside rembg's home, the only place that it loads custom models from."""
    copy = kept(background.sha256)
    if copy.is_file() and file_sha256(copy) == background.sha256:
        return copy
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with replacing(copy) as fresh:
            shutil.copyfile(model, fresh)
    except OSError as error:
        raise WeightsError(f"cannot write {copy} ({error.strerror}): set REMBG_HOME to a folder of yours") from None
    return copy


def kept(sha256: str | None) -> Path:
    from rembg.sessions.base import BaseSession

    return Path(BaseSession.rembg_home()) / "models" / "masktune" / f"{sha256}.onnx"
