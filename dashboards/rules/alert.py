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
class Cause:
    """How another alert explains this one, so that this one stays silent."""

    same: tuple[str, ...]
    """Labels that both must share."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Regexes that labels of this alert must match."""


def by(*same: str, **where: str) -> Cause:
    """Explained where these labels are the same, and this alert's labels match."""
    return Cause(same, where)


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
    explained_by: Mapping[str, Cause] = field(default_factory=dict)
    """By the name of the alert that explains this one."""


@dataclass(frozen=True)
class Record:
    """A recording rule."""

    name: str
    expr: str
    plain: str = ""
    """The same from what is scraped alone, where ``expr`` reads what is recorded."""
    known: str = ""
    """Its last value within the memory, from what is scraped alone, where a rule asks for it."""
