"""Sphinx reads these settings to make a site of the pages as they lie here: `make docs`.

The source is the whole checkout, so that a link between pages leads to the same file here and on the site.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx

project = "masktune"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "benchmarks/*.md"]
exclude_patterns = [".*", "data", "runs", "site"]  # else they are walked, photos and all

myst_heading_anchors = 4  # the anchors that GitHub gives headings, so that links are checked down to them
highlight_language = "none"
html_theme = "alabaster"  # it comes with Sphinx, and fetches nothing from elsewhere
html_theme_options = {
    "font_family": "system-ui, sans-serif",
    "head_font_family": "system-ui, sans-serif",
    "font_size": "16px",
    "code_font_size": "0.8em",  # so that the longest lines fit
    "page_width": "1280px",
    "sidebar_width": "220px",
    "body_max_width": "auto",
}
html_show_copyright = html_show_sphinx = html_copy_source = False

CONTENTS = {
    "Begin": ["docs/quickstart", "docs/data", "docs/gpu", "docs/cluster"],
    "Use": ["docs/spaces", "docs/search", "docs/trial", "docs/ensemble", "docs/results"],
    "Look up": ["docs/options", "docs/troubleshooting", "SECURITY"],
    "Understand": ["docs/design", "benchmarks/README", "benchmarks/faults", "benchmarks/negative_results"],
    "Change": ["CONTRIBUTING", "CHANGELOG"],
}
"""Every page has its place beside the text. One that has none is a warning, and `make docs` fails."""


def _with_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the contents to the first page: GitHub would show them as code."""
    if page == root_doc:
        parts = [[f":caption: {name}", ":hidden:", "", *pages] for name, pages in CONTENTS.items()]
        source[0] += "".join("\n".join(["\n\n```{toctree}", *lines, "```"]) for lines in parts)


def _with_index(app: Sphinx, error: Exception | None) -> None:
    """Make the first page the one that a server shows for the folder."""
    if error is None:
        shutil.copy(Path(app.outdir) / f"{root_doc}.html", Path(app.outdir) / "index.html")


def setup(app: Sphinx) -> None:
    app.connect("source-read", _with_contents)
    app.connect("build-finished", _with_index)
