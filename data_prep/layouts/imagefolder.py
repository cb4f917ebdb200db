"""Public mask sets: photos in folders that are named as their mask state, below split folders or none.

Train/WithMasks/1.png       capitals, spaces, _ and - make no difference, nor does masks for mask
with_mask/Ben/1.png         the nearest folder that speaks of masks tells. One that does so in words that are not known
                            here (with_mask/maybe, with_mask/not worn well) leaves its photos unused
CMFD/00000/00012_Mask.jpg   MaskedFace-Net: numbered folders are passed through. The number in a photo's name is that
                            of a photo of FFHQ, whose person may also be in IMFD/00000/00012_Mask_Chin.jpg
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from common.errors import LabelError
from data_prep.layouts.folders import images_below
from data_prep.layouts.labels_file import no_labels
from data_prep.layouts.listing import Listing

FOLDERS = {
    "worn": (
        *("worn", "mask", "masked", "with_mask", "with", "face_mask", "correct_mask", "mask_worn", "mask_weared"),
        *("correctly_worn", "mask_worn_correctly", "mask_weared_correct", "mask_worn_correct", "CMFD"),
        *("mask_on", "with_face_mask", "face_with_mask", "wearing_mask", "correctly_masked"),
    ),
    "incorrect": (
        *("incorrect", "incorrect_mask", "mask_weared_incorrect", "mask_worn_incorrect", "incorrectly_worn"),
        *("mask_weared_incorrectly", "mask_worn_incorrectly", "improper_mask", "partial_mask", "wrong_mask"),
        *("IMFD", "mask_chin", "mask_mouth_chin", "mask_nose_mouth", "incorrectly_masked", "improperly_masked"),
    ),
    "none": (
        *("none", "no_mask", "without_mask", "without", "unmasked", "not_masked", "non_mask", "nonmasked"),
        *("no_face_mask", "without_face_mask", "mask_off", "face_without_mask", "face_no_mask", "not_wearing_mask"),
    ),
}
SHOWN = 8
_SPEAKS = re.compile(
    r"mask|worn|wear|maybe|unsure|unclear|unknown|other|(^|[-_ ])(with|without|no|not|non)([-_ ]|$)", re.I
)
_FFHQ_PERSON = re.compile(r"(\d{5})_Mask(_(Chin|Mouth_Chin|Nose_Mouth))?\.jpg")


def read(images: Path, labels: Path | None) -> Listing:
    """Read the photos of known mask state, by path; each is its own person, but for MaskedFace-Net's.

    Raises:
        OptionError: no such folder, no photo in it, or `labels` that nothing would be read from.
        LabelError: no folder has a known name, or a photo or folder is a link to outside `images`.
    """
    no_labels("imagefolder", labels, "the photos' folders, such as with_mask and without_mask")
    there = images_below(images)
    found = [(photo, mask_of(photo.path)) for photo in there.photos]
    photos = [replace(photo, mask=mask, person=_person(photo.path)) for photo, mask in found if mask]
    if not photos:
        raise LabelError(f"{images}: {_unknown({folder_of(photo.path) or '.' for photo, _ in found})}")
    unused = [photo.path for photo, mask in found if not mask]
    return Listing(photos, unused, aside=there.aside, unusual=there.unusual)


def mask_of(path: str) -> str | None:
    """Tell the mask state that a photo's folders name, None where none has a known name."""
    return _MASK_OF.get(_plain(_telling(path)))


def folder_of(path: str) -> str:
    """Name the folder that tells, or else the photo's nearest that is no mere number, "" where there is none."""
    return _telling(path) or next((name for name in _folders(path) if not name.isdigit()), "")


def _telling(path: str) -> str:
    return next((name for name in _folders(path) if _plain(name) in _MASK_OF or _SPEAKS.search(name)), "")


def _folders(path: str) -> Iterator[str]:
    """Yield the names of a photo's folders, the nearest first."""
    return reversed(PurePosixPath(path).parts[:-1])


def _person(path: str) -> str:
    match = _FFHQ_PERSON.fullmatch(PurePosixPath(path).name)
    return f"FFHQ {match[1]}" if match else path


def _plain(name: str) -> str:
    return re.sub("[-_ ]", "", name.lower()).replace("masks", "mask")


def _unknown(folders: set[str]) -> str:
    known = ", ".join(name for names in FOLDERS.values() for name in names)
    return f"no folder of photos has a known name: there are {in_words(folders)}; known are {known}"


def in_words(folders: set[str]) -> str:
    """List the first of them: "cats, dogs and 3 more"."""
    return ", ".join(sorted(folders)[:SHOWN]) + (f" and {len(folders) - SHOWN} more" if len(folders) > SHOWN else "")


_MASK_OF = {_plain(name): mask for mask, names in FOLDERS.items() for name in names}
