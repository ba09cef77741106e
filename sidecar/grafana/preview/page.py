"""A dashboard's preview as an HTML page and as one picture."""

import html
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from sidecar.grafana import boards
from sidecar.grafana.boards import Board
from sidecar.grafana.preview.answers import Answers
from sidecar.grafana.preview.draw import draw
from sidecar.grafana.preview.fetch import Data, Source, Span
from sidecar.grafana.preview.style import BACK, FAINT, INK, PANEL

_UNIT_WIDTH, _UNIT_HEIGHT, _GAP = 0.62, 0.42, 0.12
"""Inches of a unit of Grafana's grid, and between panels."""
_HEAD, _TITLE, _NO_TITLE = 0.5, 0.3, 0.08
"""Inches above the first row, and above what a panel draws."""

_STYLE = """
body { background: #111217; color: #d8d9da; font: 14px system-ui, sans-serif; margin: 16px; }
.grid { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px; }
.panel { background: #181b1f; border: 1px solid #2c3235; border-radius: 3px; padding: 6px;
  overflow: auto; }
.panel svg { width: 100%; height: auto; display: block; }
.row { grid-column: 1 / -1; margin: 10px 0 0; font-size: 15px; }
h3 { font-size: 13px; margin: 0 0 4px; } summary { color: #8e8e8e; font-size: 11px; }
code { font-size: 11px; white-space: pre-wrap; overflow-wrap: anywhere; color: #8e8e8e; }
.label { color: #ff9830; }
"""


class Part(NamedTuple):
    """A part of a picture, of its width and height; the origin is below left."""

    left: float
    bottom: float
    wide: float
    high: float


def write(
    board: Board, answers: Answers, span: Span, folder: Path, chosen: Mapping[str, str]
) -> list[str]:
    """Write ``UID.html`` and ``UID.png`` into ``folder``; returns the errors of queries.

    Raises PreviewError when the annotations cannot be asked for.
    """
    source = Source(answers, board, span, chosen)
    marks = source.marks()
    data = {panel["id"]: source.panel(panel, marks) for panel in board.panels()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{board.uid}.html").write_text(_page(board, source, data, span), encoding="utf-8")
    _picture(board, source, data, span).savefig(folder / f"{board.uid}.png", dpi=100)
    return [error for one in data.values() for error in one.errors]


def _picture(board: Board, source: Source, data: Mapping[int, Data], span: Span) -> Figure:
    panels = board.model["panels"]
    rows = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in panels)
    width, height = 24 * _UNIT_WIDTH, rows * _UNIT_HEIGHT + _HEAD
    figure = Figure(figsize=(width, height), facecolor=BACK)
    head = f"{board.title}    preview, not Grafana    {_when(span)}    {_legend(data)}"
    figure.text(0.008, 1 - 0.25 / height, head, color=INK, fontsize=12, va="center")
    for panel in panels:
        place = panel["gridPos"]
        left = place["x"] * _UNIT_WIDTH / width
        top = 1 - (_HEAD + place["y"] * _UNIT_HEIGHT) / height
        if panel["type"] == "row":
            figure.text(left + 0.008, top - 0.2 / height, panel["title"], color=FAINT, va="center")
            continue
        wide, high = place["w"] * _UNIT_WIDTH - _GAP, place["h"] * _UNIT_HEIGHT - _GAP
        part = Part(left + _GAP / 2 / width, top - high / height, wide / width, high / height)
        _panel(figure, part, panel, source.title(panel))
        if panel["type"] != "text":
            draw(panel, data[panel["id"]], figure.axes[-1])
    return figure


def _panel(figure: Figure, part: Part, panel: Mapping[str, Any], title: str) -> None:
    """The ground of one panel, its title, and axes for what is in it."""
    ground = figure.add_axes(part, facecolor=PANEL)
    ground.set_xticks([])
    ground.set_yticks([])
    left = part.left + 0.06 / figure.get_figwidth()
    top = part.bottom + part.high - 0.13 / figure.get_figheight()
    figure.text(left, top, title, color=INK, fontsize=9, va="center", fontweight="bold")
    figure.add_axes(_inner(panel["type"], part, figure, _TITLE), label=str(panel["id"]))


def _inner(kind: str, part: Part, figure: Figure, head: float) -> Part:
    """Where the axes stand within a panel: room for names and scales, in inches."""
    across, up = 1 / figure.get_figwidth(), 1 / figure.get_figheight()
    before = {"state-timeline": 1.5, "bargauge": 1.9, "timeseries": 0.6, "heatmap": 0.6}
    after = {"heatmap": 0.3}
    below = {"state-timeline": 0.58, "timeseries": 0.58, "heatmap": 0.3}
    margin = before.get(kind, 0.08) * across
    floor = below.get(kind, 0.08) * up
    wide = part.wide - margin - after.get(kind, 0.1) * across
    return Part(part.left + margin, part.bottom + floor, wide, part.high - floor - head * up)


def _page(board: Board, source: Source, data: Mapping[int, Data], span: Span) -> str:
    parts = "\n".join(_box(panel, source, data) for panel in board.model["panels"])
    title = html.escape(board.title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        f'<p><b class="label">Preview</b> drawn by attention-sidecar, not by Grafana. '
        f"{_when(span)}. {_legend(data)} {html.escape(board.model['description'])}</p>"
        f'<div class="grid">{parts}</div></html>\n'
    )


def _box(panel: Mapping[str, Any], source: Source, data: Mapping[int, Data]) -> str:
    if panel["type"] == "row":
        return f'<h2 class="row">{html.escape(panel["title"])}</h2>'
    title, told = html.escape(source.title(panel)), html.escape(panel["description"])
    queries = "".join(
        f"<p><code>{html.escape(target.expr)}</code></p>" for target in boards.targets(panel)
    )
    return (
        f'<div class="panel" style="grid-column: span {panel["gridPos"]["w"]}" title="{told}">'
        f"<h3>{title}</h3>{_content(panel, data[panel['id']])}"
        f"<details><summary>What it is</summary><p>{told}</p>{queries}</details></div>"
    )


def _content(panel: Mapping[str, Any], data: Data) -> str:
    if panel["type"] == "text":
        return f"<code>{html.escape(panel['options']['content'])}</code>"
    place = panel["gridPos"]
    size = (place["w"] * _UNIT_WIDTH, place["h"] * _UNIT_HEIGHT)
    figure = Figure(figsize=size, facecolor=PANEL)
    figure.add_axes(_inner(panel["type"], Part(0, 0, 1, 1), figure, _NO_TITLE))
    draw(panel, data, figure.axes[0])
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return "<svg" + drawn.getvalue().partition("<svg")[2]


def _legend(data: Mapping[int, Data]) -> str:
    """What the marks mean, where one is drawn."""
    drawn = any(one.span.holds(moment) for one in data.values() for moment in one.marks)
    return "Dotted red: the estimated moment of a change." if drawn else ""


def _when(span: Span) -> str:
    moments = (datetime.fromtimestamp(one, UTC) for one in (span.start, span.end))
    return " to ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in moments) + " UTC"
