"""What a page is made of: sentences, tables, charts and pictures. Each function takes plain text and gives HTML.

Text that comes from a search or a data set (names of trials, of photos) may be anything. It is escaped here, so that a
page shows it and a browser runs none of it.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from plotly.graph_objects import Figure

Html = NewType("Html", str)
"""HTML whose texts are escaped."""

JPEG_QUALITY = 80
SHORT = 20
"""Letters of a cell that is not broken."""

_FIGURE = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")
"""A number that somebody has written already, with the digits that it deserves."""

NONE = "\N{EN DASH}"


def paragraph(text: str) -> Html:
    """Set a text as a paragraph."""
    return Html(f"<p>{escape(text)}</p>")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Set rows below the columns' names: numbers to the right, fractions with three digits, None as a dash."""
    body = [list(row) for row in rows]
    right = [bool(body) and all(_is_number(row[i]) or row[i] is None for row in body) for i in range(len(columns))]
    head = "".join(_cell("th", name, number) for name, number in zip(columns, right, strict=True))
    lines = ("".join(_cell("td", cell, number) for cell, number in zip(row, right, strict=True)) for row in body)
    inside = "".join(f"<tr>{line}</tr>" for line in lines)
    return Html(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{inside}</tbody></table></div>')


def folded(summary: str, part: Html) -> Html:
    """Set a part behind a line that opens it."""
    return Html(f"<details><summary>{escape(summary)}</summary>{part}</details>")


def _is_number(cell: object) -> bool:
    if isinstance(cell, str):
        return _FIGURE.fullmatch(cell) is not None
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _cell(tag: str, cell: object, number: bool) -> str:
    text = NONE if cell is None else f"{cell:.3f}" if isinstance(cell, float) else str(cell)
    kind = ' class="number"' if number else ' class="short"' if len(text) <= SHORT else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def chart(figure: Figure, says: str, height: int = 320, least_width: int = 0) -> Html:
    """Draw a plotly figure, in the colours of the page.

    Args:
        figure: texts in it that are not ours went through `in_chart`.
        says: one sentence for below it: what is seen, for a person who is no statistician.
        height, least_width: in CSS pixels; on a narrower screen the chart scrolls sideways.
    """
    from plotly.io.json import to_json_plotly

    spec = figure.to_plotly_json()
    spec["layout"].pop("template", None)  # the page has two of its own
    spec["layout"]["height"] = height
    spec["layout"]["autosize"] = True
    room = f"min-width:{least_width}px; min-height:{height}px"  # before it is drawn, too: nothing below it moves
    drawn = f'<div class="plot" role="img" aria-label="{escape(says)}" style="{room}"></div>'
    return Html(
        f'<figure><div class="wide">{drawn}{data_block(to_json_plotly(spec))}</div>'
        f"<figcaption>{escape(says)}</figcaption></figure>"
    )


def in_chart(text: str) -> str:
    """Escape a text for a figure: plotly reads a little HTML in titles, ticks and what hovers."""
    return escape(text, quote=False)


def data_block(text: str, name: str = "") -> Html:
    """Set JSON where a browser reads it as data; no text in it can end the block."""
    json.loads(text)
    named = f' id="{escape(name)}"' if name else ""
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Html(f'<script type="application/json"{named}>{safe}</script>')


def side_by_side(parts: Iterable[Html]) -> Html:
    """Set parts beside each other where the screen is wide enough."""
    return Html(f'<div class="row">{"".join(f"<div>{part}</div>" for part in parts)}</div>')


def picture(pixels: npt.NDArray[np.uint8], name: str, caption: Sequence[str], size: int = 192) -> Html:
    """Show a photo, uint8 [height, width, 3], made small, over lines of text; its name is told to who points at it."""
    image = f'<img src="{data_address(pixels, size)}" alt="{escape(name)}" title="{escape(name)}">'
    return Html(f"<figure>{image}<figcaption>{'<br>'.join(map(escape, caption))}</figcaption></figure>")


def pictures(shown: Iterable[Html]) -> Html:
    """Set pictures in rows."""
    return Html(f'<div class="pictures">{"".join(shown)}</div>')


def data_address(pixels: npt.NDArray[np.uint8], size: int) -> str:
    """Make a small JPEG of a photo, neither side over `size`, as an address that holds it itself."""
    from PIL import Image

    image, data = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    image.save(data, format="JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")
