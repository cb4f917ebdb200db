"""The first parts of the report: what was found, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence

from plotly import graph_objects as go

from common.page.page import Section
from common.page.parts import Html, chart, folded, in_chart, paragraph, table
from common.wording import counted
from tuning.plan.resources import price
from tuning.records.cost import saved_hours
from tuning.records.rows import Row, short
from tuning.report.searched import Searched

COLUMNS = ("trial", "status", "best F1", "95% interval", "at epoch", "epochs", "minutes")

SHOWN = 25
"""Trials of the leaderboard that are seen at once; a click shows the others."""


def board(search: Searched, several: bool) -> Section:
    """List the trials, best first, with what differs between their settings."""
    keys = search.differing
    columns = [*COLUMNS, *(key.split("/")[1] for key in keys)]
    rows = [[*_told(row), *(short(row.settings.get(key, "")) for key in keys)] for row in search.rows]
    first, more = rows[:SHOWN], rows[SHOWN:]
    rest = [folded(counted(len(more), "more trial"), table(columns, more))] if more else []
    says = (
        "The interval says what other val people of the same kind could have made of the score. The best of many "
        "trials is also the luckiest: its score is too high by some of that, which a confirmation measures."
    )
    title = f"Leaderboard of {search.name}" if several else "Leaderboard"
    return Section(title, [table(columns, first), *rest, paragraph(says)])


def progress(searches: Sequence[Searched]) -> Section:
    """Draw the best score so far against what was spent."""
    figure = go.Figure()
    for search in searches:
        spent, best = search.best_so_far()
        figure.add_scatter(
            x=spent,
            y=best,
            mode="lines",
            line={"shape": "hv", "width": 2},
            name=in_chart(search.name),
            hovertemplate="%{y:.3f} after %{x:.2f} hours",
        )
    figure.update_xaxes(title=searches[0].unit, rangemode="tozero")
    figure.update_yaxes(title="best val F1 so far", tickformat=".2f")
    figure.update_layout(showlegend=len(searches) > 1)
    says = (
        "Each step up is an epoch that was better than all before it. Where the line is flat, more time found nothing."
    )
    return Section("Best so far", [chart(figure, says)])


def cost(searches: Sequence[Searched]) -> Section:
    """Say what each search has spent, and what stopping has saved."""
    columns = [
        "search",
        "state",
        "trials",
        "stopped early",
        "failed",
        "epochs",
        "hours",
        "GPU- or trial-hours",
        "saved",
    ]
    return Section("Cost", [table(columns, [_cost(search) for search in searches]), *_notes(searches)])


def _cost(search: Searched) -> list[object]:
    statuses, spent = [row.status for row in search.rows], search.record.spent
    saved = saved_hours(search.rows, search.plan.epochs) * price(search.plan.resources.gpus)
    counts = [
        len(statuses),
        statuses.count("stopped"),
        statuses.count("failed"),
        sum(row.epochs for row in search.rows),
    ]
    return [search.name, search.state, *counts, float(spent.get("hours", 0)), float(spent.get("gpu_hours", 0)), saved]


def _notes(searches: Sequence[Searched]) -> list[Html]:
    silent = [paragraph(f"{search.name}: {search.note}.") for search in searches if search.note]
    stores = {search.record.store.get("hash") for search in searches}
    if len(stores) > 1:
        return [*silent, paragraph("These searches were run on different stores: their scores do not compare.")]
    return silent


def _told(row: Row) -> list[object]:
    interval = f"{row.low:.3f} to {row.high:.3f}" if row.low is not None and row.high is not None else None
    return [row.trial, row.status, row.val_f1_best, interval, row.best_epoch, row.epochs, f"{row.seconds / 60:.1f}"]
