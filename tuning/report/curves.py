"""The learning curves of a search's trials, and where ASHA compared them."""

from __future__ import annotations

from plotly import graph_objects as go

from common.page.page import Section
from common.page.parts import chart, in_chart, paragraph
from tuning.report.searched import Searched

FAINT, CLEAR = 0.35, 1.0


def section(search: Searched, several: bool) -> Section:
    """Draw each trial's val F1 by epoch, the best one clearly, with the rungs and where trials were stopped."""
    title = f"Learning curves of {search.name}" if several else "Learning curves"
    if not search.curves:
        return Section(title, [paragraph("No trial has reported an epoch yet.")])
    figure, best = go.Figure(), search.rows[0].trial
    for row in reversed(search.rows):  # the best one last, and so above the others
        if (curve := search.curves.get(row.trial)) is None:
            continue
        figure.add_scatter(
            x=curve.epochs,
            y=curve.val_f1,
            mode="lines" if len(curve.epochs) > 1 else "markers",
            line={"width": 3 if row.trial == best else 1.5},
            opacity=CLEAR if row.trial == best else FAINT,
            name=in_chart(row.trial),
            hovertemplate=f"{in_chart(row.trial)}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    stopped = [
        search.curves[row.trial] for row in search.rows if row.status == "stopped" and row.trial in search.curves
    ]
    figure.add_scatter(
        x=[curve.epochs[-1] for curve in stopped],
        y=[curve.val_f1[-1] for curve in stopped],
        mode="markers",
        marker={"symbol": "x-thin-open", "size": 9},
        hoverinfo="skip",
    )
    for rung in search.plan.rungs():
        figure.add_vline(x=rung)
    figure.update_xaxes(title="epoch", rangemode="tozero", range=[0, search.plan.epochs + 1])
    figure.update_yaxes(title="val F1", tickformat=".2f")
    figure.update_layout(showlegend=False)
    says = (
        f"One line a trial; {best} is the thick one. "
        + (
            "ASHA compares trials at the dashed lines; a cross is where one was stopped. "
            if search.plan.rungs()
            else ""
        )
        + "Point at a line to see whose it is."
    )
    return Section(title, [chart(figure, says, height=420)])
