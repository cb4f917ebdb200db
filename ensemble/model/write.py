"""Writes a model that leaves its search: a folder of weights with all that it takes to predict, and its card."""

from __future__ import annotations

import platform
import tempfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from common.errors import OptionError
from common.files import blaming, check_file, check_folder, file_sha256, new_folder, replacing, write_json, write_text
from common.search_folder import BEST_WEIGHTS
from data_prep.prepare.like import Treatment
from data_prep.store.store import Store
from data_prep.workers import passing
from ensemble.model.card import card
from ensemble.model.description import CARD, MODEL, Description, MemberFiles
from ensemble.model.leaving import Leaving
from ensemble.model.onnx_file import CPU, WholeMember, check_onnx, write_onnx
from ensemble.selection.choice import Chosen
from ensemble.voting.member import Member
from trainable.best import export_weights, load_best
from trainable.config import TrialConfig

PACKAGES = ("torch", "torchvision", "numpy", "Pillow")

NAME, WEIGHTS = "member-{:02}", ".safetensors"

CHECKED = 64
"""Photos of val that an ONNX file is compared on."""


def check_free(option: str, place: Path) -> None:
    """Raises OptionError: something is at `place`, or nothing can be written there."""
    empty = place.is_dir() and not any(place.iterdir())
    if place.is_symlink() or (place.exists() and not empty):
        raise OptionError(f"{option} {place}: something is there already; remove it, or name another place")
    (check_folder if empty else check_file)(option, place)


def write_folder(leaving: Leaving, out: Path, onnx: bool = False) -> Description:
    """Write the model's folder, whole or not at all.

    Raises:
        ModelError: an ONNX file cannot be written, or predicts something else.
    """
    with blaming("--out", out), new_folder(out) as fresh:
        return _fill(leaving, fresh, f"{out.name}/", onnx)


def write_single_file(leaving: Leaving, out: Path, onnx: bool = False) -> Description:
    """Write the same as one ZIP archive, whose files are stored as they are: `load` opens it without unpacking more
    than it holds."""
    with blaming("--single-file", out), tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".") as folder:
        description = _fill(leaving, Path(folder), out.name, onnx)
        with replacing(out) as fresh, zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.write(file, file.name)
    return description


def _fill(leaving: Leaving, folder: Path, name: str, onnx: bool) -> Description:
    store, choice = leaving.store, leaving.choice
    chosen = passing([*enumerate(choice.members, start=1)], "copying members")
    members = [_copied(each, store, folder, number) for number, each in chosen]
    if onnx:
        written = passing([*enumerate(members, start=1)], "writing and checking ONNX")
        members = [_with_onnx(each, store, folder, number) for number, each in written]
    description = Description(
        task=store.task,
        bands=store.bands,
        treatment=Treatment.of_store(store),
        members=tuple(members),
        rule=choice.rule,
        views=choice.views,
        trained_on={"store_hash": store.hash, "profile": store.profile, "counts": store.meta["counts"]},
        figures=leaving.figures,
        versions={"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        files={file.name: file_sha256(file) for file in sorted(folder.iterdir())},
    )
    write_json(folder / MODEL, description.to_json())
    write_text(folder / CARD, card(description, name))
    return description


def _copied(chosen: Chosen, store: Store, folder: Path, number: int) -> MemberFiles:
    """Copy a member's weights. Where training began, perhaps a path of the user's, is nobody else's business."""
    member = Member.load(chosen.folders, store, CPU)  # so that what cannot be loaded is not taken away
    name, models = NAME.format(number), len(chosen.folders)
    names = [name + WEIGHTS] if models == 1 else [f"{name}-{i + 1}{WEIGHTS}" for i in range(models)]
    for name, trial in zip(names, chosen.folders, strict=True):
        config, weights, about = load_best(trial / BEST_WEIGHTS)
        export_weights(folder / name, _without_paths(config), weights, about)
    return MemberFiles(chosen.name, tuple(names), member.preprocessing, _without_paths(member.config).to_flat())


def _without_paths(config: TrialConfig) -> TrialConfig:
    return replace(config, model=replace(config.model, weights="none"))


def _with_onnx(member: MemberFiles, store: Store, folder: Path, number: int) -> MemberFiles:
    """Write the member as ONNX as well, checked on photos of val."""
    val = store.rows("val")
    photos = store.read(val[np.linspace(0, len(val) - 1, min(CHECKED, len(val))).astype(int)])
    whole = WholeMember.of([folder / name for name in member.weights], member.preprocessing, store)
    file = folder / f"{NAME.format(number)}.onnx"
    write_onnx(whole, photos, file)
    difference = check_onnx(file, whole, member.preprocessing, photos)
    return replace(member, onnx={"file": file.name, "largest_difference": difference, "photos": len(photos)})
