"""The built-in sample as a store: drawn and prepared on first use, for searches that are given no photos."""

from __future__ import annotations

from pathlib import Path

from common.errors import OptionError
from common.files import check_folder
from common.security import terminal

DRAWN = Path("data/sample")
STORE = Path("data/sample-96x72")
SIZE = (96, 72)


def make() -> None:
    """Draw the sample if it is not there, and prepare its store.

    Raises:
        OptionError: it cannot be written here.
    """
    try:
        check_folder("--data", DRAWN.parent)
    except OptionError as error:
        raise OptionError(
            f"{error}: without --data a sample is drawn there; begin in a folder of yours, or name a store with --data"
        ) from None
    # Only who has no store yet waits for what draws and prepares one.
    from data_prep.prepare.inputs import Source
    from data_prep.prepare.prepare import prepare
    from data_prep.prepare.target import Target
    from data_prep.sample.draw import draw

    terminal.say(f"No --data was given: the built-in sample is drawn into {DRAWN} and prepared as {STORE}, once.")
    draw(DRAWN)
    source = Source(DRAWN / "train/images", DRAWN / "train/train.csv", eval_dir=DRAWN / "eval")
    prepare(source, Target(STORE, background="sample", size=SIZE))
