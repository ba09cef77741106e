"""Queries that several alerts are made of."""

from dashboards.rules.alert import KNOWN


def known(series: str) -> str:
    """The last value of a gauge, also where the last scrape has failed."""
    return f"last_over_time({series}[{KNOWN}])"


def grown(series: str, window: str) -> str:
    """Growth of a counter whose series may begin with what they count: of those, the whole."""
    new = f"{series} unless last_over_time({series}[1h] offset {window})"
    return f"({new} or increase({series}[{window}]))"
