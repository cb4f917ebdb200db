"""What the settings did: their importance, each against the score, all together, and the plane of the age bands."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import create_trial
from plotly import graph_objects as go

from common.page.page import Section
from common.page.parts import Html, chart, in_chart, paragraph, side_by_side
from tuning.records.rows import Row, short
from tuning.report.searched import Searched

FEW = 4
"""Trials below which nothing is said of settings."""
MOST_TICKS = 8
"""Whole numbers that an axis names each."""

BANDS = ("labels/young_below", "labels/old_from")


def section(search: Searched, several: bool) -> Section:
    """Tell what the settings that differ did to the best val F1."""
    title = f"Settings of {search.name}" if several else "Settings"
    rows, keys = search.scored, search.differing
    if len(rows) < FEW or not keys:
        return Section(
            title, [paragraph(f"Fewer than {FEW} trials have a score, or none differ: nothing can be said yet.")]
        )
    parts = [*_importance(search, rows), side_by_side([_slice(search, rows, key) for key in keys])]
    if len(keys) > 1:
        parts.append(_together(search, rows, keys))
    if set(BANDS) <= set(keys):
        parts.append(_plane(rows))
    return Section(title, parts)


def _importance(search: Searched, rows: Sequence[Row]) -> list[Html]:
    """Draw Optuna's importances, which are of a forest fitted to the trials (fANOVA, Hutter et al. 2014)."""
    found = importances(search, rows)
    if not found:
        return [paragraph("How important each setting is cannot be told from these trials.")]
    names = [in_chart(key.split("/")[1]) for key in found]
    figure = go.Figure(
        go.Bar(x=list(found.values()), y=names, orientation="h", hovertemplate="%{y}: %{x:.2f}<extra></extra>")
    )
    figure.update_xaxes(range=[0, 1], tickformat=".1f")
    figure.update_yaxes(autorange="reversed")
    says = "How much of the difference between the trials' scores each setting explains (fANOVA); together they make 1."
    return [chart(figure, says + " With few trials this is a rough guess.", height=90 + 28 * len(names))]


def importances(search: Searched, rows: Sequence[Row]) -> dict[str, float]:
    """Estimate each setting's importance, 0 to 1, the greatest first; empty where that cannot be done."""
    varied = search.plan.space.distributions
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a study of this moment is no news
    study = optuna.create_study(direction="maximize")
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for row in rows:
                study.add_trial(create_trial(value=row.val_f1_best, params=row.settings, distributions=dict(varied)))
            return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except (ValueError, RuntimeError):  # all scores are equal, or a value is out of the space's ranges
        return {}


def _slice(search: Searched, rows: Sequence[Row], key: str) -> Html:
    name = key.split("/")[1]
    figure = go.Figure()
    for status, symbol in (("ran to the end", "circle"), ("stopped or running", "circle-open")):
        of_kind = [row for row in rows if (row.status == "finished") == (symbol == "circle")]
        figure.add_scatter(
            x=[_shown(row.settings[key]) for row in of_kind],
            y=[row.val_f1_best for row in of_kind],
            text=[in_chart(row.trial) for row in of_kind],
            mode="markers",
            marker={"symbol": symbol, "size": 8},
            name=status,
            hovertemplate="%{text}: %{y:.3f} at %{x}<extra></extra>",
        )
    figure.update_xaxes(title=in_chart(name), **_axis(search, rows, key))
    figure.update_yaxes(tickformat=".2f")
    figure.update_layout(showlegend=False)
    return chart(figure, f"Best val F1 against {name}; a ring is a trial that did not run to its end.", height=260)


def _together(search: Searched, rows: Sequence[Row], keys: Sequence[str]) -> Html:
    """Draw parallel coordinates as plain lines: plotly's own need WebGL, which not every browser has."""
    axes = [*(_places(search, rows, key) for key in keys), _scaled([row.val_f1_best or 0.0 for row in rows])]
    names = [*(key.split("/")[1] for key in keys), "best F1"]
    order = sorted(range(len(rows)), key=lambda each: rows[each].val_f1_best or 0.0)
    faint = int(0.8 * len(order))
    figure = go.Figure()
    # Those that stand back are one line with gaps: hundreds of lines take a browser seconds.
    for line in [order[:faint], *([each] for each in order[faint:])]:
        figure.add_scatter(
            x=[*range(len(names)), None] * len(line),
            y=[place for each in line for place in (*(axis[each] for axis in axes), None)],
            text=[text for each in line for text in (*_told(rows[each], keys), "")],
            mode="lines",
            line={"width": 2 if len(line) == 1 else 1},
            opacity=1.0 if len(line) == 1 else 0.25,
            hovertemplate="%{text}<extra></extra>",
        )
    ticks = {"tickvals": list(range(len(names))), "ticktext": [in_chart(name) for name in names]}
    figure.update_xaxes(**ticks, range=[-0.3, len(names) - 0.7])
    figure.update_yaxes(showticklabels=False, range=[-0.12, 1.12], showgrid=False)
    figure.update_layout(showlegend=False)
    for place, (lowest, highest) in enumerate([*(_ends(search, rows, key) for key in keys), _ends_of_scores(rows)]):
        for at, text, anchor in ((0.0, lowest, "top"), (1.0, highest, "bottom")):
            figure.add_annotation(x=place, y=at, text=in_chart(text), yanchor=anchor, yshift=2 if at else -2)
    says = (
        "One line a trial through its settings, each from its lowest value to its highest, to its score on the right. "
        "The best fifth of the trials is drawn clearly; point at a line to read its values."
    )
    return chart(figure, says, height=380, least_width=120 * len(names))


def _told(row: Row, keys: Sequence[str]) -> list[str]:
    """Say the trial and its value at each axis, of which the last is its score."""
    values = [*(short(row.settings[key]) for key in keys), f"{row.val_f1_best:.3f}"]
    return [in_chart(f"{row.trial}: {value}") for value in values]


def _places(search: Searched, rows: Sequence[Row], key: str) -> list[float]:
    """Place each trial's value of a setting between 0 and 1; words in the order of the alphabet."""
    values = [row.settings[key] for row in rows]
    if _are_numbers(values):
        return _scaled([math.log(value) if _is_log(search, key) else float(value) for value in values])
    kinds = sorted({str(value) for value in values})
    return _scaled([float(kinds.index(str(value))) for value in values])


def _axis(search: Searched, rows: Sequence[Row], key: str) -> dict[str, Any]:
    """What plotly is told of a setting's axis: whole numbers have no halves between them, and words stay words."""
    values = [row.settings[key] for row in rows]
    if not _are_numbers(values):
        return {"type": "category"}
    few = all(isinstance(value, int) for value in values) and max(values) - min(values) <= MOST_TICKS
    return {"type": "log" if _is_log(search, key) else "linear", **({"dtick": 1} if few else {})}


def _shown(value: object) -> object:
    return value if _are_numbers([value]) else in_chart(str(value))


def _is_log(search: Searched, key: str) -> bool:
    return bool(getattr(search.plan.space.distributions[key], "log", False))


def _are_numbers(values: Sequence[object]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _ends(search: Searched, rows: Sequence[Row], key: str) -> tuple[str, str]:
    """Write the values that `_places` puts at 0 and at 1."""
    values = sorted(
        {(place, short(row.settings[key])) for place, row in zip(_places(search, rows, key), rows, strict=True)}
    )
    return values[0][1], values[-1][1]


def _ends_of_scores(rows: Sequence[Row]) -> tuple[str, str]:
    scores = [row.val_f1_best or 0.0 for row in rows]
    return f"{min(scores):.3f}", f"{max(scores):.3f}"


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _plane(rows: Sequence[Row]) -> Html:
    """Draw a dot for each pair of bands that was tried: its best trial's, where several tried the same."""
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row.settings[key] for key in BANDS), []).append(row)
    best = [max(tried, key=lambda row: row.val_f1_best or 0.0) for tried in cells.values()]
    figure = go.Figure(
        go.Scatter(
            x=[young for young, _ in cells],
            y=[old for _, old in cells],
            text=[in_chart(f"{row.trial}, of {len(tried)}") for row, tried in zip(best, cells.values(), strict=True)],
            mode="markers",
            marker={
                "size": 18,
                "color": [row.val_f1_best for row in best],
                "colorscale": "Viridis",
                "showscale": True,
                "colorbar": {"tickformat": ".2f", "thickness": 14, "outlinewidth": 0},
            },
            customdata=[row.val_f1_best for row in best],
            hovertemplate="%{text}: %{customdata:.3f}, young below %{x}, old from %{y}<extra></extra>",
        )
    )
    figure.update_xaxes(title="young below", dtick=1)
    figure.update_yaxes(title="old from", dtick=1)
    says = "The age bands that were tried: the lighter a dot, the better the val F1 of the best trial with these bands."
    return chart(figure, says, height=340)
