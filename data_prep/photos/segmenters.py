"""Runs segmenters, and fetches those that rembg has names for. The only file that knows rembg.

A model's file is known by a checksum: rembg checks a download, but never again the file it left.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from common.errors import StoreError, WeightsError
from common.files import file_sha256, replacing
from common.security.regular_file import opened
from data_prep.photos import rembg_models
from data_prep.store.rules import is_sha256

Segment = Callable[[Image.Image], npt.ArrayLike | Image.Image]
"""RGB photo -> 0 (background) to 255 (person) for each pixel, [height, width]; an L image will do."""

OWN_SIDE = 320
"""Pixels: a model of one's own computes at this height and width, as u2net does."""


def of_name(name: str) -> Segment:
    """Load one of `rembg_models.FREE`, which lies where `fetched` says; rembg knows its size and normalisation."""
    return _segment(_session(name, {}))


def of_file(file: Path, sha256: str) -> Segment:
    """Load a model that has u2net's inputs and outputs.

    Raises:
        WeightsError: it has not, or rembg's home, the only place that it loads such models from, cannot be written.
    """
    session = _session("u2net_custom", {"model_path": str(_in_rembgs_home(file, sha256))})
    inputs = session.inner_session.get_inputs()
    shape = inputs[0].shape[1:]
    wanted = [3, OWN_SIDE, OWN_SIDE]
    fits = len(shape) == 3 and all(side == want for side, want in zip(shape, wanted, strict=True) if type(side) is int)
    if len(inputs) != 1 or not fits:
        what = f"takes {len(inputs)} inputs" if len(inputs) != 1 else f"takes photos of {'x'.join(map(str, shape))}"
        raise WeightsError(f"{file} {what}, and not of {'x'.join(map(str, wanted))} as u2net does: name another model")
    return _segment(session)


def _segment(session: Any) -> Segment:
    def segment(photo: Image.Image) -> Image.Image:
        # A constant prediction is divided by its range of 0 in there; it comes back as a constant mask.
        with np.errstate(divide="ignore", invalid="ignore"):
            mask: Image.Image = session.predict(photo)[0]
            return mask

    return segment


def _session(name: str, options: dict[str, Any]) -> Any:
    import onnxruntime
    from rembg import new_session

    settings = onnxruntime.SessionOptions()
    # Photos are the parallel part: threads within one photo would only get in the way of each other.
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    try:
        return new_session(name, sess_opts=settings, providers=providers, **options)
    except Exception as error:  # ONNX Runtime has a class of its own for everything that a file may have wrong
        raise WeightsError(f"{options.get('model_path', name)} is no model that can be run ({_short(error)})") from None


def require_rembg() -> None:
    """Import what runs segmenters.

    Raises:
        WeightsError: it cannot be imported.
    """
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


def fetched(name: str) -> Path:
    """Find the file of one of `rembg_models.FREE`, fetched if it is not there.

    Raises:
        WeightsError: it cannot be fetched, or is another file than rembg's.
    """
    require_rembg()
    from rembg.sessions import sessions

    session, model = sessions[name], rembg_models.FREE[name]
    try:
        file = Path(session.download_models())
    except Exception as error:  # pooch passes on whatever its connection, the disk or the checksum made of it
        raise WeightsError(
            f"{name}.onnx ({model.megabytes} MB) could not be fetched ({_short(error)}): put the file at "
            f"{Path(session.model_dir()) / name}.onnx, or use --background keep"
        ) from None
    algorithm, known = ("sha256", model.sha256) if model.sha256 else ("md5", model.md5)
    if (actual := _checksum(file, algorithm)) != known:
        raise WeightsError(
            f"{file}: {'MD5' if algorithm == 'md5' else 'SHA-256'} {actual[:12]}... is not the known model's; delete "
            "the file to fetch it anew"
        )
    return file


def _checksum(file: Path, algorithm: str) -> str:
    with opened(file) as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


def _in_rembgs_home(model: Path, sha256: str) -> Path:
    """Make a copy of the model inside rembg's home, the only place that it loads custom models from."""
    copy = kept(sha256)
    if copy.is_file() and file_sha256(copy) == sha256:
        return copy
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with replacing(copy) as fresh:
            shutil.copyfile(model, fresh)
            if file_sha256(fresh) != sha256:
                raise WeightsError(f"{model} was changed while it was read: run the same command again")
    except OSError as error:
        raise WeightsError(f"cannot write {copy} ({error.strerror}): set REMBG_HOME to a folder of yours") from None
    return copy


def kept(sha256: str) -> Path:
    """Say where rembg's home keeps a model of one's own. Raises StoreError: a hash that would be a path."""
    if not is_sha256(sha256):
        raise StoreError(f"background: 64 hexadecimal digits of SHA-256 are needed, but they are {sha256!r}")
    from rembg.sessions.base import BaseSession

    return Path(BaseSession.rembg_home()) / "models" / "masktune" / f"{sha256}.onnx"
