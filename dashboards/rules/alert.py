"""What one alert is, whoever evaluates it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "warning", "info"]
"""Wake somebody; look at it in working hours; know it when something else is wrong."""

KNOWN = "5m"
"""How long what was scraped holds: one scrape that fails ends no alert."""


@dataclass(frozen=True)
class Looked:
    """What the description says besides, of the series that share these labels with the alert."""

    metric: str
    labels: tuple[str, ...]
    each: str = ""
    """The label whose values are listed; without one, the least value of the series is said."""


@dataclass(frozen=True)
class Alert:
    """One row of the table.

    ``summary`` and ``description`` are templates of Prometheus: ``{{ $labels.route }}`` and
    ``{{ $value | humanize }}``; each name in ``looked`` can be used as ``$value`` can, and a list
    without a pipe: ``{{ $routes }}``.
    """

    name: str
    severity: Severity
    expr: str
    """Fires for every series that it gives."""
    wait: str
    """How long it must hold."""
    summary: str
    description: str
    dashboard: str
    """Address of the dashboard that explains it."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Variables of the dashboard by the label that sets them."""
    looked: Mapping[str, Looked] = field(default_factory=dict)
    explained_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Alerts that explain this one, so that it stays silent, and the labels they must share."""


@dataclass(frozen=True)
class Record:
    """A recording rule."""

    name: str
    expr: str
