"""What `prepare` is asked for: the store that is to be made, and who makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from common.errors import OptionError
from data_prep.choices import IMPLAUSIBLE, KEEP, MAX_LEFT_OUT, METHODS
from data_prep.photos import background as backgrounds
from data_prep.photos.background import Background

SIDES = range(8, 4097)


@dataclass(frozen=True)
class Target:
    """The store that is to be made.

    Attributes:
        out: where it goes. A store made there of the same inputs is opened instead; another is left alone.
        background: one of choices.METHODS, the .onnx file of a model, or a Background.
        size: (height, width) to store; None: the size that most labelled photos have.
        profile: "reference" or "sample"; None: "sample" where the photos lie in a drawn sample.
        max_left_out: share of the photos, 0..1, that may be left out because they cannot be decoded or treated.
        implausible: one of choices.IMPLAUSIBLE: what is done with a photo whose mask is hard to believe.

    Raises:
        OptionError: a size or a share that no store can have, or nothing of that name to do with implausible masks.
    """

    out: Path
    background: str | Background = METHODS[0]
    size: tuple[int, int] | None = None
    profile: str | None = None
    max_left_out: float = MAX_LEFT_OUT
    implausible: str = KEEP

    def __post_init__(self) -> None:
        if self.size is not None and not all(side in SIDES for side in self.size):
            raise OptionError(
                f"--size: sides must be {SIDES[0]} to {SIDES[-1]} pixels, but got {self.size[0]}x{self.size[1]}"
            )
        if not 0 <= self.max_left_out <= 1:
            raise OptionError(f"--allow-left-out must be a share, 0 to 1, but is {self.max_left_out}")
        if self.implausible not in IMPLAUSIBLE:
            raise OptionError(f"--implausible must be one of {', '.join(IMPLAUSIBLE)}, but is {self.implausible!r}")
        if self.background == "keep" and self.implausible != KEEP:
            raise OptionError(
                f"--implausible {self.implausible}: --background keep makes no masks; leave one of them out"
            )

    def named(self) -> Background:
        """Know the background before any model is loaded. Raises as `background.named` does."""
        return self._background(backgrounds.named)

    def loaded(self) -> Background:
        """Load the background, ready to be called. Raises as `background.load` does."""
        return self._background(backgrounds.load)

    def _background(self, found: Callable[[str], Background]) -> Background:
        if isinstance(self.background, Background):
            return replace(self.background, implausible=self.implausible)
        return replace(found(whole_name(self.background)), implausible=self.implausible)


def whole_name(method: str) -> str:
    """Name the method so that it means the same in every working folder: workers have others."""
    return str(Path(method).absolute()) if method.endswith(backgrounds.OWN) else method


@dataclass(frozen=True)
class Workforce:
    """Who makes the store.

    Attributes:
        workers: threads on a machine; None: as many as there are cores.
        cluster: address of a Ray cluster whose machines all see the photos and the store; None: this machine alone.
        processes: many photos may be decoded in processes: `processes.get_ready` was called.

    Raises:
        OptionError: fewer than one worker.
    """

    workers: int | None = None
    cluster: str | None = None
    processes: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise OptionError(f"--workers must be 1 or more, but is {self.workers}")


THIS_MACHINE = Workforce()
