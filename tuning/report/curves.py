"""The learning curves of a search's trials, and where ASHA compared them."""

from __future__ import annotations

from collections.abc import Sequence

from plotly import graph_objects as go

from common.page.page import Section
from common.page.parts import chart, in_chart, paragraph
from tuning.report.searched import Searched

FAINT = 0.4
"""How clearly the other trials are seen behind the best one."""


def section(search: Searched, several: bool) -> Section:
    """Draw each trial's val F1 by epoch, the best one clearly, with the rungs and where trials were stopped."""
    title = f"Learning curves of {search.name}" if several else "Learning curves"
    if not search.curves:
        return Section(title, [paragraph("No trial has reported an epoch yet.")])
    drawn = [row for row in search.rows if row.trial in search.curves]
    best = next((row for row in search.scored if row in drawn), drawn[0])
    others = [row for row in drawn if row is not best]
    stopped = [row.trial for row in drawn if row.status == "stopped"]
    figure = go.Figure()
    # The best one has the first colour of the page, and lies above the others.
    _add(figure, search, [best.trial], f"{best.trial}, the best", width=3.0, opacity=1.0, zorder=3)
    for name, trials in (
        ("stopped early", [row.trial for row in others if row.status == "stopped"]),
        ("others", [row.trial for row in others if row.status != "stopped"]),
    ):
        _add(figure, search, trials, name, width=1.5, opacity=FAINT, zorder=1)
    ends = [search.curves[trial] for trial in stopped]
    figure.add_scatter(
        x=[curve.epochs[-1] for curve in ends],
        y=[curve.val_f1[-1] for curve in ends],
        mode="markers",
        marker={"symbol": "x-thin-open", "size": 9},
        name="where it was stopped",
        zorder=2,
        hoverinfo="skip",
    )
    for rung in search.plan.rungs():
        figure.add_vline(x=rung)
    figure.update_xaxes(title="epoch", rangemode="tozero", range=[0, search.plan.epochs + 1])
    figure.update_yaxes(title="val F1", tickformat=".2f")
    says = (
        f"One line a trial; {best.trial} is the thick one. "
        + (
            "ASHA compares trials at the dashed lines; a cross is where one was stopped. "
            if search.plan.rungs()
            else ""
        )
        + "Point at a line to see whose it is."
    )
    return Section(title, [chart(figure, says, height=420)])


def _add(
    figure: go.Figure, search: Searched, trials: Sequence[str], name: str, *, width: float, opacity: float, zorder: int
) -> None:
    """Add the curves of some trials, as one line with gaps: a line of each trial's own would draw slowly."""
    if not trials:
        return
    curves = [search.curves[trial] for trial in trials]
    names = [in_chart(trial) for trial in trials for _ in range(len(search.curves[trial].epochs) + 1)]
    figure.add_scatter(
        x=[each for curve in curves for each in (*curve.epochs.tolist(), None)],
        y=[each for curve in curves for each in (*curve.val_f1.round(4).tolist(), None)],
        text=names,
        mode="lines+markers" if any(len(curve.epochs) == 1 for curve in curves) else "lines",
        line={"width": width},
        marker={"size": 4},
        opacity=opacity,
        zorder=zorder,
        name=in_chart(name),
        hovertemplate="%{text}, epoch %{x}: %{y:.3f}<extra></extra>",
    )
