"""A page in a real browser: its policy lets its charts be drawn, in the reader's colours, and nothing else happen."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from plotly import graph_objects as go

from common.page.page import Page, Section
from common.page.parts import chart, paragraph
from common.page.theme import DARK
from tests.helpers.browser import CHROMIUM, QUIETLY
from tests.helpers.patience import HANGS

DARK_SCHEME = "0"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


def drawn(page: str, folder: Path) -> str:
    """What the page is after its programs ran, for a reader whose system is dark."""
    (folder / "page.html").write_text(page)
    command = [
        str(CHROMIUM), *QUIETLY, "--virtual-time-budget=8000", "--dump-dom", f"--user-data-dir={folder / 'profile'}",
        f"--blink-settings=preferredColorScheme={DARK_SCHEME}", f"file://{folder / 'page.html'}",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=True).stdout


def test_charts_are_drawn_in_the_readers_colours_and_nothing_else_runs(tmp_path: Path) -> None:
    figures = [go.Figure(go.Scatter(x=[1, 2], y=[3, 4])), go.Figure(go.Heatmap(z=[[0.0, 1.0]]))]
    parts = [chart(figure, "What is seen.") for figure in figures]
    page = Page("A page", "Its lead.", [Section("Charts", [*parts, paragraph("end")])]).html()
    smuggled = '<script>document.title = "taken over"</script><img src="x" onerror="document.title=\'taken over\'">'
    found = drawn(page.replace("<p>end</p>", smuggled), tmp_path)
    assert "<title>A page</title>" in found
    red, green, blue = (int(DARK.series[0][place : place + 2], 16) for place in (1, 3, 5))
    assert f"stroke: rgb({red}, {green}, {blue})" in found
    assert re.search(r'<image [^>]*href="data:image/png', found)  # the heat map
