"""The colours of a page, light and dark: one place for its style sheet and for its charts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Theme:
    """It holds colours that can be read on each other.

    Attributes:
        text, muted: of words, and of what stands back behind them.
        line: of rules, grids and axes.
        mark: of what is wrong.
        series: of a chart's traces, in their order; the first is what the chart is about.
        scale: of a heat map, from nothing to all.
    """

    background: str
    text: str
    muted: str
    line: str
    mark: str
    series: tuple[str, ...]
    scale: tuple[str, ...]

    def css(self) -> str:
        """List the colours as the style sheet's variables."""
        return " ".join(f"--{name}: {value};" for name, value in asdict(self).items() if isinstance(value, str))

    def template(self) -> dict[str, Any]:
        """Make the plotly template that draws a figure in these colours."""
        axis = {
            "automargin": True,
            "gridcolor": self.line,
            "linecolor": self.line,
            "zeroline": False,
            "zerolinecolor": self.muted,
            "zerolinewidth": 1.5,
            "title": {"standoff": 8, "font": {"size": 13}},
        }
        return {
            "layout": {
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "font": {"color": self.text, "family": "system-ui, sans-serif", "size": 13},
                "colorway": list(self.series),
                "xaxis": axis,
                "yaxis": axis,
                "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
                "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
                "hoverlabel": {"bgcolor": self.background, "font": {"color": self.text}},
                "shapedefaults": {"line": {"color": self.muted, "width": 1, "dash": "dash"}},
                "annotationdefaults": {"font": {"color": self.muted}, "showarrow": False},
                "dragmode": False,  # on a telephone a finger on a chart scrolls the page
            },
            "data": {"heatmap": [{"colorscale": self._steps(), "xgap": 1, "ygap": 1, "showscale": False}]},
        }

    def _steps(self) -> list[list[object]]:
        return [[number / (len(self.scale) - 1), colour] for number, colour in enumerate(self.scale)]


LIGHT = Theme(
    background="#ffffff",
    text="#1b1f24",
    muted="#59636e",
    line="#d8dee4",
    mark="#c93036",
    series=("#0969da", "#c2571a", "#1a7f37", "#8250df", "#bf3989", "#6e7781"),
    scale=("#f1f4f8", "#9cc3f0", "#0550ae"),
)
DARK = Theme(
    background="#0f1318",
    text="#e6e9ed",
    muted="#9aa4af",
    line="#2b323b",
    mark="#ff7b72",
    series=("#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#f778ba", "#8b949e"),
    scale=("#171c23", "#1d4478", "#2a6fc9"),
)
