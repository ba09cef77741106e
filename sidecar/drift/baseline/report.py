"""A baseline drawn in a terminal."""

from datetime import UTC, datetime, timedelta

import numpy as np
from rich.console import Console, Group
from rich.table import Table

from sidecar.drift.baseline.artefact import Baseline, SignalBaseline
from sidecar.drift.features import LENGTHS, WAVES, waves

BARS = "▁▂▃▄▅▆▇█"


def draw(baseline: Baseline, console: Console) -> None:
    """A table of all signals: mean, spread, what a length adds, and the day as a line of bars."""
    console.print(f"made {baseline.created:%Y-%m-%d %H:%M} UTC where {baseline.where}")
    console.print(f"margin {baseline.margin:g}; slopes are per feature's own spread")
    for stream, signals in baseline.streams().items():
        table = Table(title=str(stream), title_justify="left")
        for heading in ("signal", "requests", "mean", "spread", *LENGTHS, "day, UTC", "likeness"):
            table.add_column(heading, no_wrap=heading == "signal")
        for one in signals.values():
            table.add_row(*_cells(one))
        console.print(Group(table))


def _cells(one: SignalBaseline) -> list[str]:
    spreads = one.column("high") - one.column("low")
    slopes = one.column("value") * spreads
    return [
        one.signal,
        str(one.requests),
        f"{one.mean:.4f} ± {one.interval:.4f}",
        f"{one.scale:.4f}",
        *(f"{slope:+.4f}" for slope in slopes[: len(LENGTHS)]),
        day(one),
        f"{one.likeness:.1f}",
    ]


def day(one: SignalBaseline) -> str:
    """Twenty-four bars from the lowest to the highest hour; empty where hours are not covered.

    The range is written behind them.
    """
    slopes = one.column("value")[-len(WAVES) :]
    start = datetime(2026, 1, 5, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(24)]
    times = np.asarray([int(hour.timestamp() * 1e6) for hour in hours])
    expected = waves(times) @ slopes
    low, span = expected.min(), np.ptp(expected)
    if not span:
        return ""
    bars = ((expected - low) / span * (len(BARS) - 1)).round().astype(int)
    return "".join(BARS[bar] for bar in bars) + f" {span:.3f}"
