"""Spaces in files of one's own: --space ./smoothing.py:SPACE. They are run, so nobody else may have written them."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path
from types import ModuleType

from common.errors import SpaceError
from common.security import regular_file, trust


def is_file(name: str) -> bool:
    return name.partition(":")[0].endswith(".py")


def absolute(name: str) -> str:
    """Name what finds a space again from any folder."""
    file, colon, attribute = name.partition(":")
    return f"{Path(file).absolute()}{colon}{attribute}" if is_file(name) else name


def code_of(source: str) -> str | None:
    """The SHA-256 of the files of one's own that a space's `source` names, read and not run; None where there are none.

    Raises:
        OSError: one of them cannot be read.
    """
    files = [Path(part.partition(":")[0]) for part in source.split("+") if is_file(part)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(regular_file.read_bytes(file, trust.CODE)).digest())
    return digest.hexdigest() if files else None


def run(file: Path) -> ModuleType:
    """Run a user's file; what goes wrong in it is said with its line. Compiled code that lies beside it is not run.

    Raises:
        SpaceError: it cannot be read, somebody else may have written it, or it fails.
    """
    source, module = _code(file), ModuleType(f"space_{file.stem}")
    module.__file__ = str(file)
    try:
        exec(compile(source, str(file), "exec"), vars(module))
    except Exception as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(file.name)
        ]
        line = f", line {lines[-1]}" if lines else ""
        raise SpaceError(f"--space {file}{line}: {type(error).__name__}: {error}") from None
    return module


def _code(file: Path) -> bytes:
    try:
        return trust.read_code(file)
    except FileNotFoundError:
        raise SpaceError(f"--space {file}: no such file") from None
    except PermissionError as error:
        advice = "copy what you trust to a file of yours that only you can write (chmod go-w)"
        raise SpaceError(f"--space {file}: it {error.strerror}, and would be run as code; {advice}") from None
    except OSError as error:
        raise SpaceError(f"--space {file} cannot be read ({error.strerror}); name another file") from None
