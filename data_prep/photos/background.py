"""Takes the background out of a photo: what is not a person becomes black, as the corners of a rotated photo are.

A segmenter may fail: it is made for people in front of something, and of a tight face crop it keeps next to nothing.
Such a mask is implausible (`masks.Mask.fault`), and then the photo is better kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.command_line import did_you_mean
from common.errors import OptionError, PhotoError, StoreError, WeightsError
from common.files import file_sha256
from data_prep.choices import KEEP, LEAVE_OUT, METHODS, REMOVE
from data_prep.photos import rembg_models, segmenters
from data_prep.photos.masks import ImplausibleMask, Mask
from data_prep.photos.segmenters import Segment

OWN = ".onnx"
"""A method that ends so is the file of a model of one's own, with u2net's inputs and outputs."""

SAMPLE_MODEL = Path(__file__).parents[1] / "sample" / "segmenter" / "segmenter.onnx"


@dataclass(frozen=True)
class Background:
    """What is done to a background.

    Attributes:
        method: one of choices.METHODS, or "own".
        model, sha256: the segmenter's file name and hash, None where there is none.
        segment: None keeps the background.
        implausible: one of choices.IMPLAUSIBLE: what is done with a photo whose mask is hard to believe.
    """

    method: str = "keep"
    model: str | None = None
    sha256: str | None = None
    segment: Segment | None = None
    implausible: str = REMOVE

    def __call__(self, photo: Image.Image, needed: bool = False) -> tuple[Image.Image, Mask | None]:
        """Put an RGB photo on black; what its mask was like comes with it, None where the background is kept.

        Args:
            needed: the photo is kept as it is where another with such a mask would be left out.

        Raises:
            ImplausibleMask: the photo is to be left out for its mask.
            PhotoError: the segmenter tells nothing from anything, and implausible masks are to be believed.
        """
        if self.segment is None:
            return photo, None
        found = self.segment(photo)
        lit = found if isinstance(found, Image.Image) else Image.fromarray(np.asarray(found, dtype=np.uint8))
        mask = Mask.of(lit)
        if mask.fault and self.implausible == LEAVE_OUT and not needed:
            raise ImplausibleMask(mask)
        if mask.fault and self.implausible in (KEEP, LEAVE_OUT):
            return photo, mask
        lowest, highest = lit.getextrema()
        if lowest == highest:
            raise PhotoError("no person was told from the background")
        return Image.composite(photo, Image.new("RGB", photo.size), lit), mask

    def describe(self) -> dict[str, Any]:
        """Describe it as it stands in store.json, `implausible` aside."""
        return {"method": self.method, "model": self.model, "sha256": self.sha256}

    def versions(self) -> dict[str, str]:
        """Give the versions of the packages that decide a treated photo's pixels."""
        packages = ["numpy", "Pillow", *(["rembg", "onnxruntime"] if self.model else [])]
        return {package: version(package) for package in packages}


def named(method: str) -> Background:
    """Know the method with its model and hash, before any model is loaded: for comparing, not for calling.

    A model whose SHA-256 we do not know is fetched for it, and known by rembg's MD5.

    Raises:
        OptionError: no such method. WeightsError: a model's file is not where it should be.
    """
    if method == "keep":
        return Background()
    if model := rembg_models.FREE.get(method):
        return Background(method, f"{method}.onnx", model.sha256 or file_sha256(segmenters.fetched(method)))
    if method == "sample":
        return _of_file(method, SAMPLE_MODEL, "restore it from the repository, or use --background keep")
    if method.endswith(OWN):
        return _of_file("own", Path(method), "name the .onnx file of a model, or one of " + ", ".join(METHODS))
    raise OptionError(_why_not(method))


def _of_file(method: str, file: Path, advice: str) -> Background:
    if not file.is_file():
        raise WeightsError(f"{file} is missing: {advice}")
    return Background(method, file.name, file_sha256(file))


def _why_not(method: str) -> str:
    """Say why there is no such method."""
    methods = f"one of {', '.join(METHODS)}, or a model.onnx"
    if reason := rembg_models.REFUSED.get(method):
        return f"--background {method}: {reason}; it must be {methods}"
    hint = did_you_mean(method.lower(), (*METHODS, *rembg_models.REFUSED))
    return f"--background must be {methods}, but is {method!r}{f'; {hint}' if hint else ''}"


@cache
def load(method: str) -> Background:
    """Load the method, to be called from any thread; its model is fetched if need be and loaded once a process.

    Raises:
        OptionError: no such method. WeightsError: its model, or what runs it, cannot be had.
    """
    background = named(method)
    if background.sha256 is None:
        return background
    segmenters.require_rembg()
    if method in rembg_models.FREE:
        segmenters.fetched(method)
        return replace(background, segment=segmenters.of_name(method))
    file = SAMPLE_MODEL if method == "sample" else Path(method)
    return replace(background, segment=segmenters.of_file(file, background.sha256))


def load_as(described: dict[str, Any], implausible: str) -> Background:
    """Load the method of a store, from what its store.json says of it (`Background.describe`).

    Raises:
        WeightsError: a model of one's own that has never been used here, or as for `load`.
        StoreError: the model here is another one.
    """
    return replace(_load_as(described), implausible=implausible)


def _load_as(described: dict[str, Any]) -> Background:
    method = described["method"]
    if method == "own":
        segmenters.require_rembg()
        file = segmenters.kept(described["sha256"])
        if not file.is_file():
            raise WeightsError(f"the background went by {described['model']}, a model of your own; copy it to {file}")
        if file_sha256(file) != described["sha256"]:
            raise WeightsError(f"{file} is another model, by its SHA-256: copy {described['model']} there again")
        return replace(load(str(file)), model=described["model"])
    if (here := named(method).describe()) != described:
        raise StoreError(f"its background went by {described}, but here is {here}; prepare it again")
    return load(method)
