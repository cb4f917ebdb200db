"""The suspects with their photos as one HTML page that needs nothing else: to look at before a label is changed."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from common.page.parts import data_address
from data_prep.labels import MASKS, MISSING
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence
from data_prep.workers import passing

THUMB = 192
MAX_PHOTOS = 35
"""Shown of one person: a data set whose `person` is a whole album would make a page that no browser opens."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --mark: #e5484d; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid var(--line); padding: .8rem 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
h2 span { opacity: .6; margin-right: .5rem; } p { margin: .2rem 0 .6rem; } code { overflow-wrap: anywhere; }
del { color: var(--mark); } ins { font-weight: 600; text-decoration: none; }
.photos { display: flex; flex-wrap: wrap; gap: .6rem; }
figure { margin: 0; } img { display: block; height: 9rem; border-radius: 4px; }
.suspect img { outline: 4px solid var(--mark); } figcaption { font-size: .8rem; opacity: .8; }
"""


def page(store: Store, evidence: Evidence, suspects: pd.DataFrame, title: str) -> str:
    """Make the page of `suspects` (rows of ranking.rank, in their order): one article each, two that were swapped
    in one, with every photo of the person, those in question outlined.

    Every text that comes from the data set is escaped.
    """
    cards = "\n".join(_article(store, evidence, rows) for rows in passing([*_together(suspects)], "drawing the page"))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n<p>The label against what networks predicted that had not seen the person; "
        f"the photos in question are outlined, and under each is what it says by itself. Networks err too.</p>\n"
        f"{cards}\n</body></html>\n"
    )


def _together(suspects: pd.DataFrame) -> Iterator[list[Any]]:
    """Group rows that follow each other about one field of one person."""
    rows: list[Any] = []
    for row in suspects.itertuples():
        if rows and (row.person, row.field) != (rows[0].person, rows[0].field):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _article(store: Store, evidence: Evidence, rows: list[Any]) -> str:
    first, last = rows[0], rows[-1]
    ranks = f"{first.rank}" if first is last else f"{first.rank} to {last.rank}"
    claims = "".join(f"<p>{_claim(row)}</p>" for row in rows)
    photos = "".join(_figures(store, evidence, rows))
    heading = f"<h2><span>{ranks}</span>{escape(first.person)}</h2>"
    return f'<article>{heading}{claims}<div class="photos">{photos}</div></article>'


def _claim(row: Any) -> str:
    """Put the label against the prediction, and what `why` says beyond that."""
    what = f"{escape(row.target)}: " if row.target != row.person else ""
    recorded = f" (recorded: {escape(row.recorded)})" if row.recorded != row.label else ""
    over = f" over {row.photos} photos" if row.photos > 1 else ""
    notes = row.why.partition("; ")[2]
    return (
        f"{what}{row.field} <del>{escape(row.label)}</del> {row.probability_of_label:.2f}{recorded}, "
        f"predicted <ins>{escape(row.suggestion)}</ins> {row.probability_of_suggestion:.2f}{over}"
        f"{'; ' if notes else ''}{escape(notes)}"
    )


def _figures(store: Store, evidence: Evidence, rows: list[Any]) -> Iterator[str]:
    """Show the person's photos, those in question first where there are too many."""
    targets = {row.target for row in rows}
    paths = store.index["path"].to_numpy()
    theirs = np.flatnonzero(store.person == rows[0].person)
    suspect = np.array([paths[row] in targets for row in theirs])
    shown = theirs[np.sort(np.argsort(~suspect, kind="stable")[:MAX_PHOTOS])]
    for row in shown:
        kind = ' class="suspect"' if paths[row] in targets else ""
        caption = escape(_caption(store, evidence, int(row), rows[0].field))
        name, photo = escape(paths[row]), data_address(store.read([row])[0], THUMB)
        image = f'<img src="{photo}" alt="{name}" title="{name}">'
        yield f"<figure{kind}>{image}<figcaption>{caption}</figcaption></figure>"
    if len(shown) < len(theirs):
        yield f"<p>and {len(theirs) - len(shown)} more</p>"


def _caption(store: Store, evidence: Evidence, row: int, field: str) -> str:
    """Say what the photo's mask is said to be, and what the field's most probable value is by this photo alone."""
    mask = "" if store.mask[row] == MISSING else MASKS[store.mask[row]]
    place = int(np.searchsorted(evidence.rows, row))
    if place == len(evidence.rows) or evidence.rows[place] != row:
        return mask
    probabilities = store.task.marginal(evidence.probabilities[[place]], field)[0]
    best = int(probabilities.argmax())
    return f"{mask}: {store.task.values(field, store.bands)[best]} {probabilities[best]:.2f}"
