"""Checkpoints: a trial's state, hashed and checked on loading.

state.pt         all that a resumed trial needs
manifest.json    SHA-256 and size of state.pt
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from common.errors import CheckpointError
from common.files import file_sha256, replacing, write_json
from common.security.regular_file import read_json

STATE_FILE, MANIFEST_FILE = "state.pt", "manifest.json"


def exists(folder: Path) -> bool:
    return (folder / STATE_FILE).is_file()


def save(state: Mapping[str, Any], folder: Path, *, flushed: bool = True) -> None:
    """Write state.pt and manifest.json, replacing those of an earlier epoch.

    Killed at any moment it leaves a checkpoint that loads: until the new state has its name, the manifest vouches
    for the old one as well.

    Args:
        flushed: so does a power cut. False: whoever calls flushes both files later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / STATE_FILE, alone=True, flushed=flushed) as fresh:
        try:
            torch.save(dict(state), fresh)
        except RuntimeError as error:
            if "PytorchStreamWriter" not in str(error):
                raise
            raise OSError(errno.ENOSPC, "the disk did not take the checkpoint", str(fresh)) from None
        previous = _fingerprint(folder / STATE_FILE) if exists(folder) else None
        write_json(folder / MANIFEST_FILE, {**_fingerprint(fresh), "previous": previous}, flushed=flushed)


def load(folder: Path) -> dict[str, Any]:
    """Read the state that `save` wrote, tensors on the CPU; nothing but tensors and plain values is unpickled.

    Raises:
        CheckpointError: a file is missing, or state.pt is not what the manifest vouches for.
    """
    file = folder / STATE_FILE
    if not exists(folder):
        raise CheckpointError(f"{file} is missing: go on from another checkpoint, or train again")
    manifest = _manifest(folder)
    if _fingerprint(file) not in (_fingerprint_in(manifest), manifest.get("previous")):
        raise CheckpointError(
            f"{file} is damaged: its SHA-256 is not in {MANIFEST_FILE}; go on from another checkpoint"
        )
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{file} cannot be read ({reason[:120]}); go on from another checkpoint") from None
    return state


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST_FILE
    try:
        return dict(read_json(file))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}); go on from another checkpoint") from None


def _fingerprint_in(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: manifest.get(name) for name in ("sha256", "bytes")}


def _fingerprint(file: Path) -> dict[str, Any]:
    return {"sha256": file_sha256(file), "bytes": file.stat().st_size}
