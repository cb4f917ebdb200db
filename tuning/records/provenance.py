"""Which packages and which training code a search was made with."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

from common.repository import ROOT

PACKAGES = ("torch", "torchvision", "ray", "optuna", "numpy")

CODE = ("trainable", "data_prep/labels.py", "data_prep/store/store.py", "data_prep/store/split.py")
"""What decides a trial's score: trials of one search should have been trained by one version of it."""


def versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def code_hash() -> str:
    """SHA-256 of the sources that decide a trial's score."""
    digest = hashlib.sha256()
    for file in sorted(file for name in CODE for file in _sources(ROOT / name)):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _sources(path: Path) -> list[Path]:
    return [file for ending in ("py", "cu") for file in path.rglob(f"*.{ending}")] if path.is_dir() else [path]
