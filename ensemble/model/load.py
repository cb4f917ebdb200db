"""Loads a model that was taken away from its search: without Ray, without the search, without the store.

from ensemble.model import load
model = load("model/")
model.predict(["a.jpg", "b.jpg"])
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from common.errors import CheckpointError, ModelError
from common.files import file_sha256
from common.security.archives import unpack
from common.security.regular_file import MEGABYTE, opened, read_json
from ensemble.model.description import MODEL, Description, MemberFiles
from ensemble.model.model import AnyPath, Model
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member, network
from trainable import device as devices
from trainable.best import load_best
from trainable.config import TrialConfig

LARGEST = 16 * MEGABYTE
"""Bytes of a model.json: one of four members has 20 kB."""

AGAIN = "export it anew, with python -m ensemble.export"


def load(path: AnyPath, *, device: str = "auto", tta: int | None = None) -> Model:
    """Load a model from its folder, or from its single file.

    Args:
        device: "auto" (a GPU, if there is one), "cpu", "cuda" or "cuda:N".
        tta: how many of the model's views each photo is seen in, the plain one first; None: all.

    Raises:
        ModelError: no model is there, one of a later version, or one that is damaged. DeviceError: no such device.
    """
    with _open_folder(Path(path)) as folder:
        description = _read_description(folder, str(path)).with_views(tta)
        _check_files(folder, description, str(path))
        chosen = devices.choose(device)
        members = tuple(_member(each, folder, description, chosen) for each in description.members)
    return Model(description, Ensemble(members, description.rule, description.views))


@contextmanager
def _open_folder(path: Path) -> Iterator[Path]:
    """Give a model's folder within; a single file is unpacked for as long.

    Raises:
        ModelError: no model is there.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise ModelError(f"{path}: no model is there; name a folder, or a file, that python -m ensemble.export wrote")
    with tempfile.TemporaryDirectory(prefix="masktune-model-") as made:
        folder = Path(made)
        try:
            with opened(path) as stream:
                unpack(stream, folder, {MODEL})
                unpack(stream, folder, _read_description(folder, str(path)).weights)
        except ValueError as error:
            raise ModelError(f"{path} is no model in a single file ({error}); {AGAIN} --single-file FILE") from None
        except OSError as error:
            raise ModelError(f"{path} cannot be unpacked in {made} ({error.strerror or error})") from None
        yield folder


def _read_description(folder: Path, where: str) -> Description:
    """Read model.json. Raises ModelError: there is none, or as `Description.from_json`."""
    try:
        about = read_json(folder / MODEL, LARGEST)
    except FileNotFoundError:
        raise ModelError(
            f"{where}: no model is there (no {MODEL}); name what python -m ensemble.export wrote"
        ) from None
    except OSError as error:
        raise ModelError(f"{where}: its {MODEL} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ModelError(f"{where}: its {MODEL} is no JSON ({error}); {AGAIN}") from None
    return Description.from_json(about, where)


def _check_files(folder: Path, description: Description, where: str) -> None:
    for name in description.weights:
        try:
            found = file_sha256(folder / name)
        except FileNotFoundError:
            raise ModelError(f"{where}: {name} is missing; {AGAIN}") from None
        except OSError as error:
            raise ModelError(f"{where}: {name} cannot be read ({error.strerror}); {AGAIN}") from None
        if found != description.files[name]:
            raise ModelError(f"{where}: {name} is another file than {MODEL} says, by its SHA-256; {AGAIN}")


def _member(files: MemberFiles, folder: Path, description: Description, device: torch.device) -> Member:
    classes = description.task.classes
    models, configs = zip(*(_model(folder / name, classes, device) for name in files.weights), strict=True)
    return Member(files.name, configs[0], models, files.preprocessing, device, classes)


def _model(file: Path, classes: int, device: torch.device) -> tuple[nn.Module, TrialConfig]:
    try:
        config, weights, _ = load_best(file)
        return network(config, weights, classes, device), config
    except (CheckpointError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise ModelError(f"{file.name} holds no weights for {classes} classes ({why}); {AGAIN}") from None
