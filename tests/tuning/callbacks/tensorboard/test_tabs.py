"""What a person sees: TensorBoard's own pages of a search, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tensorboard_load import serving
from tests.helpers.browser import CHROMIUM, FOUND, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


SHOWN = {
    "scalars": ["trial-001", "trial-002", "trial-003", "tag: f1/val macro F1 on val", "tag: loss/train"],
    "images": [
        *(f"pictures/first_batch trial-00{number}" for number in (1, 2, 3)),
        *(f"pictures/{name} trial-00{number}" for name in ("confusion", "mistakes") for number in (1, 2)),
        " ".join(["[picture]"] * 7),
    ],
    "hparams": ["001 29/59/0/0 59.000", "002 29/60/0/0 60.000", "003 29/61/0/0 61.000", "best F1", "minutes"],
}
"""What stands on each tab. Pictures that have been loaded are counted at its end."""

TRIALS = ["001 29/59/0/0", "002 29/60/0/0", "003 29/61/0/0"]
DRAWN = {
    "parallel-coords": (".foreground path", "mark.__data__.name", 1),
    "scatter-plot-matrix": (".data-marker", "mark.__data__.sessionGroup.name", 8 * 4),
}
"""HPARAMS' other views: what is drawn there for a trial, whose it is, and how often: of the matrix, once in each cell
of four settings and four figures, across, by four figures."""


def missing(tab: str, text: str) -> list[str]:
    text = f"{text} {' '.join(['[picture]'] * text.count('[picture]'))}"
    return [words for words in SHOWN[tab] if words not in text]


def test_scalars_images_and_hparams_show_every_trial(written: Path, tmp_path: Path) -> None:
    with serving(written) as url, browser(tmp_path) as seen:
        page = seen.page(f"{url}#scalars")
        for tab in SHOWN:
            seen.move(page, tab)
            found = seen.text(page, lambda text, tab=tab: not missing(tab, text))
            assert missing(tab, found) == [], found[-2000:]
        for view, (_, _, times) in DRAWN.items():
            assert seen.click(page, f"paper-tab[view-id={view}-view]")
            all_of_them = dict.fromkeys(TRIALS, times)
            assert seen.value(page, drawn(view), lambda found, wanted=all_of_them: found == wanted) == all_of_them


def drawn(view: str) -> str:
    """The program that tells how often each trial is seen in a view of HPARAMS; what has no place or no room is not."""
    marks, name, _ = DRAWN[view]
    return f"""{FOUND}; (() => {{
      const times = {{}};
      for (const plot of found("tf-hparams-{view}-plot"))
        for (const mark of plot.shadowRoot.querySelectorAll("{marks}"))
          if (!mark.outerHTML.includes("NaN") && mark.getClientRects().length)
            times[{name}] = (times[{name}] || 0) + 1;
      return times;
    }})()"""
