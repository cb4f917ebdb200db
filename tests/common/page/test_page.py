"""A page that opens offline: it holds all it needs, loads nothing, and runs nothing that a name says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from plotly import graph_objects as go

from common.page.page import Page, Section
from common.page.parts import chart, data_block, in_chart, paragraph, picture, pictures, side_by_side, table
from common.page.theme import DARK, LIGHT, Theme

NASTY = "<script>alert(1)</script>\"'&</style>"
LOADING = ("src", "href", "action", "data", "poster", "srcset", "formaction", "background")
VOID = ("meta", "img", "br", "link", "input")


class Parsed(HTMLParser):
    """It reads a page as a browser would, and keeps what it found."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.policy = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes |= set(found)
        self.addresses += [str(found[name]) for name in LOADING if name in found]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(found["content"])
        if tag not in VOID:
            self.open.append("data" if found.get("type") == "application/json" else tag)

    def handle_endtag(self, tag: str) -> None:
        last = self.open.pop()
        assert last == tag or (last, tag) == ("data", "script"), f"</{tag}> closes <{last}>"

    def handle_data(self, text: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(text)


@pytest.fixture(scope="module")
def parsed() -> Parsed:
    figure = go.Figure(go.Scatter(x=[1.0, 2.5], y=[3, 4], name=in_chart(NASTY)))
    photo = np.full((300, 200, 3), 128, dtype=np.uint8)
    parts = [
        paragraph(NASTY),
        table(["name", NASTY], [[NASTY, 0.25], ["b", None]]),
        side_by_side([chart(figure, NASTY)]),
        pictures([picture(photo, NASTY, [NASTY, "below"])]),
    ]
    return Parsed(Page(NASTY, NASTY, [Section(NASTY, parts), Section("last", [])]).html())


def test_every_element_is_closed_and_names_are_shown_as_they_are(parsed: Parsed) -> None:
    assert parsed.open == []
    for tag in ("title", "h1", "h2", "a", "p", "td", "th", "figcaption"):
        assert NASTY in "".join(parsed.texts[tag]), tag
    assert not any(name.startswith("on") for name in parsed.attributes)


def test_nothing_is_loaded_from_anywhere(parsed: Parsed) -> None:
    assert "#s0" in parsed.addresses
    assert all(address.startswith(("#", "data:image/jpeg;base64,")) for address in parsed.addresses)
    assert "default-src 'none'" in parsed.policy and "http" not in parsed.policy
    assert not re.search(r"@import|url\(", "".join(parsed.texts["style"]))


def test_only_the_two_programs_that_belong_to_the_page_may_run(parsed: Parsed) -> None:
    programs = parsed.texts["script"]
    programs = [text for text in programs if text.strip()]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in programs]
    assert len(programs) == 2 and sum("plotly.js v" in text[:200] for text in programs) == 1
    assert re.search(r"script-src ([^;]*)", parsed.policy).group(1).split() == [f"'sha256-{each}'" for each in hashes]


def test_a_chart_is_data_without_a_template_and_both_templates_are_there_once(parsed: Parsed) -> None:
    figure, templates = (json.loads(text) for text in parsed.texts["data"])
    assert "template" not in figure["layout"] and figure["data"][0]["name"] == in_chart(NASTY)
    assert set(templates) == {"light", "dark"}


def test_no_text_ends_a_block_of_data() -> None:
    block = data_block(json.dumps({"name": "</script><!--&"}))
    assert block.count("<") == 2
    assert json.loads(Parsed(block).texts["data"][0]) == {"name": "</script><!--&"}


def test_a_table_sets_numbers_right_and_names_what_is_missing() -> None:
    made = table(["a", "b", "c"], [["x", 0.12345, "4.5"], ["y", None, "1e-05"]])
    assert '<td class="number">0.123</td>' in made and '<td class="number">–</td>' in made  # noqa: RUF001
    assert '<td class="number">1e-05</td>' in made and '<td class="short">x</td>' in made


def test_a_picture_is_made_small(parsed: Parsed) -> None:
    import io

    from PIL import Image

    address = next(each for each in parsed.addresses if each.startswith("data:"))
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert image.size == (128, 192)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_words_and_lines_can_be_read(theme: Theme) -> None:
    """WCAG 2.1: a contrast of 4.5 for text, of 3 for what is drawn."""
    for colour in (theme.text, theme.muted, theme.mark):
        assert contrast(colour, theme.background) >= 4.5, colour
    for colour in theme.series:
        assert contrast(colour, theme.background) >= 3, colour


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
