"""Charts that reports have in common: figures with their intervals, and confusion matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
from plotly import graph_objects as go

from common.page.parts import in_chart

Floats = npt.NDArray[np.float64]

APART = 0.16
"""Of a row's height: how far above and below its middle the two predictors are drawn."""

ROW_HEIGHT = 30


class Scored(Protocol):
    """It is a score with the two ends of its interval."""

    @property
    def f1(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


class Intervals(NamedTuple):
    """Figures, each with the two ends of its 95% interval: float64 [k] each; NaN, a figure of what no photo shows."""

    value: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, scores: Iterable[Scored]) -> Self:
        """Take the scores' figures."""
        return cls(*np.array([(score.f1, score.low, score.high) for score in scores]).T)


def dots(names: Sequence[str], series: Mapping[str, Intervals], signed: bool = False) -> go.Figure:
    """Draw a row for each name, in it a dot with its interval for each predictor; `signed`, against a line at 0."""
    figure, places = go.Figure(), np.arange(len(names))
    for number, (label, found) in enumerate(series.items()):
        shift = (2 * number - len(series) + 1) * APART
        figure.add_scatter(
            x=found.value,
            y=places + shift,
            error_x={
                "array": found.high - found.value,
                "arrayminus": found.value - found.low,
                "width": 0,
                "thickness": 2,
            },
            customdata=np.stack([found.low, found.high], axis=1),
            text=[in_chart(name) for name in names],
            hovertemplate="%{text}: %{x:.3f}, interval %{customdata[0]:.3f} to %{customdata[1]:.3f}",
            mode="markers",
            marker={"size": 8},
            name=in_chart(label),
        )
    ticks = {"tickvals": places, "ticktext": [in_chart(name) for name in names]}
    figure.update_xaxes(
        tickformat="+.2f" if signed else ".1f", range=_range(series.values(), signed), nticks=6, zeroline=signed
    )
    figure.update_yaxes(**ticks, range=[len(names) - 0.5, -0.5], showgrid=False)
    return figure.update_layout(showlegend=len(series) > 1)


def _range(found: Iterable[Intervals], signed: bool) -> list[float]:
    """Reach a little beyond 0 to 1; of differences, beyond the furthest end and 0."""
    ends = [0.0, *np.concatenate([[*each.low, *each.high] for each in found])] if signed else [0.0, 1.0]
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    margin = 0.03 * (high - low)
    return [low - margin, high + margin]


def height(rows: int) -> int:
    """Give a chart of so many rows room for each, for its axis and its legend."""
    return ROW_HEIGHT * rows + 90


def heat_map(counts: npt.NDArray[np.int64], names: Sequence[str]) -> go.Figure:
    """Draw a confusion matrix: counts as figures, and as colour what share of the class they are."""
    labels = [in_chart(name) for name in names]
    of_class = counts.sum(axis=1, keepdims=True)
    share = np.where(of_class > 0, counts / np.maximum(of_class, 1), np.nan)
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=labels,
            y=labels,
            text=np.where(counts > 0, counts.astype(str), ""),
            customdata=np.broadcast_to(of_class, counts.shape),
            texttemplate="%{text}",
            hovertemplate="%{y}, taken for %{x}, photos: %{text} of %{customdata}<extra></extra>",
            zmin=0,
            zmax=1,
        )
    )
    figure.update_xaxes(title="predicted", type="category", showgrid=False)
    return figure.update_yaxes(title="true", type="category", autorange="reversed", showgrid=False)
