"""Generated dashboards as Grafana reads them, and their queries as it would send them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PACKAGED = Path(__file__).with_name("generated")
_CHECKOUT = Path(__file__).parents[2] / "dashboards/generated"
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


class BoardError(ValueError):
    """A dashboard cannot be read or its query cannot be filled in; the message says which."""


def generated() -> Path:
    """Folder of the generated files: in the wheel, or in the checkout it is run from.

    Raises BoardError.
    """
    for folder in (_PACKAGED, _CHECKOUT):
        if folder.is_dir():
            return folder
    raise BoardError(f"no generated dashboards in {_PACKAGED} or {_CHECKOUT}")


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    ref: str
    expr: str
    """PromQL with Grafana's variables."""
    legend: str
    instant: bool
    form: str
    """`time_series`, `table` or `heatmap`."""


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    model: Mapping[str, Any]
    """As in the file."""

    @property
    def uid(self) -> str:
        """What its address is made of."""
        return str(self.model["uid"])

    @property
    def title(self) -> str:
        """Its heading."""
        return str(self.model["title"])

    def panels(self) -> Iterator[Mapping[str, Any]]:
        """All panels, rows left out."""
        yield from (panel for panel in self.model["panels"] if panel["type"] != "row")

    @property
    def has_queries(self) -> bool:
        """Whether any panel asks for data; the runbooks do not."""
        return any(panel.get("targets") for panel in self.panels())

    def variables(self) -> dict[str, str]:
        """The default of every variable, as it stands in a query."""
        return {one["name"]: _default(one) for one in self.model["templating"]["list"]}


def read(file: Path) -> Board:
    """One dashboard's file. Raises BoardError."""
    try:
        return Board(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BoardError(f"{file}: {error}") from None


def boards(folder: Path | None = None) -> list[Board]:
    """All dashboards of a folder, by default the generated ones. Raises BoardError."""
    files = sorted(((folder or generated()) / "dashboards").glob("*.json"))
    return [read(file) for file in files]


def targets(panel: Mapping[str, Any]) -> list[Target]:
    """The queries of a panel."""
    return [
        Target(
            ref=target["refId"],
            expr=target["expr"],
            legend=target.get("legendFormat", ""),
            instant=target.get("instant", False),
            form=target.get("format", "time_series"),
        )
        for target in panel.get("targets", ())
    ]


def filled(expr: str, values: Mapping[str, str]) -> str:
    """A query with every variable replaced. Raises BoardError for one without a value.

    >>> filled('rate(x{job=~"$job"}[$__rate_interval])', {"job": ".+", "__rate_interval": "1m"})
    'rate(x{job=~".+"}[1m])'
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise BoardError(f"{expr!r}: variable {name!r} is none of {', '.join(values)}")
        return values[name]

    return _VARIABLE.sub(value, expr)


def intervals(step: float, scrape: float, span: float) -> dict[str, str]:
    """Grafana's own variables for points ``step`` seconds apart, over ``span`` seconds."""
    rate = max(step + scrape, 4 * scrape)
    own = {"__rate_interval": rate, "__interval": step, "__range": span}
    return {name: f"{max(1, round(seconds))}s" for name, seconds in own.items()}


def _default(variable: Mapping[str, Any]) -> str:
    current = variable.get("current", {}).get("value", "")
    if isinstance(current, list):
        return f"({'|'.join(current)})"
    return str(variable.get("allValue") if current == "$__all" else current)
