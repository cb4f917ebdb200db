"""A report as one HTML file that opens offline: it holds its charts' program, its data and its pictures.

    page = Page("How it went", "In a sentence.", [Section("Scores", [table(...), chart(figure, "What is seen.")])])
    write_text(file, page.html())

It is light or dark as the reader's system is. Its content security policy lets nothing be loaded from anywhere and no
program run but the two that are in it, told by their hashes: a page of somebody else's search is safe to open.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from common.page.parts import Html, data_block, paragraph
from common.page.theme import DARK, LIGHT

STYLE, CHARTS = (Path(__file__).with_name(name).read_text() for name in ("style.css", "charts.js"))


@dataclass(frozen=True)
class Section:
    """It is a part of a page with a heading of its own.

    Attributes:
        parts: what the functions of `parts` give, one below the other.
    """

    title: str
    parts: Sequence[Html]


@dataclass(frozen=True)
class Page:
    """It is a report: a title, what it says in a sentence or two, and sections that the reader can jump to."""

    title: str
    lead: str
    sections: Sequence[Section]

    def html(self) -> str:
        """Give the file's whole text: about 5 MB, nearly all of it plotly.js."""
        from plotly.offline import get_plotlyjs

        programs = (get_plotlyjs(), CHARTS)
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(programs)}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<style>{_style()}</style></head>\n<body>\n{self._body()}\n{_templates()}\n"
            + "\n".join(f"<script>{program}</script>" for program in programs)
            + "\n</body></html>\n"
        )

    def _body(self) -> str:
        links = "".join(f'<a href="#s{n}">{escape(each.title)}</a>' for n, each in enumerate(self.sections))
        return "\n".join(
            [
                f"<h1>{escape(self.title)}</h1>\n{paragraph(self.lead)}\n<nav>{links}</nav>",
                f"<noscript>{paragraph('Charts need JavaScript, which this browser does not run.')}</noscript>",
                *(_section(number, each) for number, each in enumerate(self.sections)),
            ]
        )


def _section(number: int, section: Section) -> str:
    return "\n".join([f'<section><h2 id="s{number}">{escape(section.title)}</h2>', *section.parts, "</section>"])


def _style() -> str:
    return f":root {{ {LIGHT.css()} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {DARK.css()} }} }}\n{STYLE}"


def _templates() -> Html:
    return data_block(json.dumps({"light": LIGHT.template(), "dark": DARK.template()}), "templates")


def _policy(programs: Sequence[str]) -> str:
    """Allow these programs alone. Style is free, since plotly.js sets its own; it draws heat maps as pictures."""
    hashes = (base64.b64encode(hashlib.sha256(program.encode()).digest()).decode() for program in programs)
    scripts = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
