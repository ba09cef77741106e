"""The data of one panel, as Grafana would ask for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.grafana import boards
from sidecar.grafana.boards import Board, Target
from sidecar.grafana.preview.answers import Answers, PreviewError, Result

_POINTS = 240
_LABEL = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Span:
    """A stretch of time in seconds since 1970, and how often Prometheus scrapes."""

    start: float
    end: float
    scrape: float = 15.0

    @property
    def step(self) -> float:
        """Seconds from one point to the next."""
        return max(self.scrape, round((self.end - self.start) / _POINTS, 1))

    def holds(self, moment: float) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment <= self.end

    def intervals(self) -> dict[str, str]:
        """Grafana's own variables for it."""
        return boards.intervals(self.step, self.scrape, self.end - self.start)


@dataclass(frozen=True)
class Series:
    """One line."""

    ref: str
    name: str
    labels: Mapping[str, str]
    times: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def last(self) -> float:
        """The last value that is a number; NaN without one."""
        known = self.values[np.isfinite(self.values)]
        return float(known[-1]) if len(known) else float("nan")


@dataclass(frozen=True)
class Data:
    """All that a panel draws, and what went wrong."""

    span: Span
    series: list[Series] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)
    """Estimated moments of change, in seconds since 1970."""
    places: dict[str, int] = field(default_factory=dict)
    """Of a line's name among all of the dashboard, so that it has one colour everywhere."""


def grid(series: Sequence[Series], step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moments, a step apart, and for each series a row of its values, NaN where it has none.

    Grafana too breaks a line where a step has no value.
    """
    first = min(float(one.times[0]) for one in series)
    last = max(float(one.times[-1]) for one in series)
    moments = np.linspace(first, last, round((last - first) / step) + 1)
    rows = np.full((len(series), len(moments)), np.nan)
    for row, one in zip(rows, series, strict=True):
        row[np.round((one.times - first) / step).astype(int)] = one.values
    return moments, rows


class Source:
    """Queries of one dashboard, its variables filled in."""

    def __init__(
        self, answers: Answers, board: Board, span: Span, chosen: Mapping[str, str]
    ) -> None:
        self._answers, self._span = answers, span
        self.variables = {**board.variables(), **span.intervals(), **chosen}
        self._board = board
        self._places: dict[str, int] = {}

    def panel(self, panel: Mapping[str, Any], marks: list[float]) -> Data:
        """Data of a panel; a query that fails is told in it."""
        data = Data(self._span, marks=marks, places=self._places)
        for target in boards.targets(panel):
            try:
                data.series.extend(self._series(target))
            except (PreviewError, boards.BoardError) as error:
                data.errors.append(str(error))
        return data

    def marks(self) -> list[float]:
        """Moments of the dashboard's annotations that come from Prometheus. Raises PreviewError."""
        found = set()
        for one in self._board.model["annotations"]["list"]:
            if one["datasource"]["type"] == "prometheus":
                expr = boards.filled(one["expr"], self.variables)
                for result in self._range(expr):
                    found |= {float(value) / 1000 for _, value in result["values"]}
        return sorted(found)

    def title(self, panel: Mapping[str, Any]) -> str:
        """Its title, with variables filled in."""
        return boards.filled(panel["title"], self.variables)

    def _series(self, target: Target) -> list[Series]:
        expr = boards.filled(target.expr, self.variables)
        found = self._answers.at(expr, self._span.end) if target.instant else self._range(expr)
        legend = boards.filled(target.legend, self.variables)
        return [_series(target.ref, legend, one) for one in found]

    def _range(self, expr: str) -> Result:
        span = self._span
        return self._answers.over(expr, span.start, span.end, span.step)


def _series(ref: str, legend: str, result: Mapping[str, Any]) -> Series:
    labels = result["metric"]
    points = result["values"] if "values" in result else [result["value"]]
    pairs = np.array([[float(time), float(value)] for time, value in points])
    name = _LABEL.sub(lambda match: labels.get(match[1], ""), legend)
    unnamed = " ".join(value for label, value in labels.items() if label != "__name__")
    return Series(ref, name or unnamed, labels, pairs[:, 0], pairs[:, 1])
