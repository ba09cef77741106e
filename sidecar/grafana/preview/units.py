"""Numbers in Grafana's units, as text."""

import math
from datetime import UTC, datetime

_SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def shown(value: float, unit: str, now: float) -> str:
    """A value in a unit; ``now`` in seconds since 1970.

    >>> [shown(0.125, "percentunit", 0), shown(12_345, "short", 0), shown(2.5, "cps", 0)]
    ['12.5%', '12.3 k', '2.5 /s']
    >>> shown(60_000, "dateTimeFromNow", 660)
    '10 minutes ago'
    >>> [shown(2.4e8, "bytes", 0), shown(1, "bytes", 0)]
    ['240 MB', '1 B']
    """
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{100 * value:.3g}%"
    if unit == "dateTimeFromNow":
        return _ago(now - value / 1000)
    if unit == "dateTimeAsIso":
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    suffix = {"cps": " /s", "reqps": " /s", "s": " s"}.get(unit, "")
    if unit == "bytes":
        suffix = "B" if abs(value) >= _SIZES[-1][0] else " B"
    if unit.startswith("suffix:"):
        suffix = f" {unit.removeprefix('suffix:').strip()}"
    return f"{_short(value)}{suffix}"


def _short(value: float) -> str:
    for size, letter in _SIZES:
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def _ago(seconds: float) -> str:
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' * (count > 1)} ago"
    return f"{max(0, int(seconds))} seconds ago"
