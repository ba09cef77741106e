"""A baseline drawn in a terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from rich.console import Console
from rich.table import Table

from sidecar.drift.baseline.artefact import Baseline, SignalBaseline
from sidecar.drift.features import LENGTHS, WAVES, waves

BARS = "▁▂▃▄▅▆▇█"
HEADINGS = ("signal", "requests", "mean", "sd", "context", "position", "docs", "likeness")


def draw(baseline: Baseline, console: Console) -> None:
    """A table of each stream's signals, and their day as a line of bars; fits 80 columns."""
    console.print(
        f"made {baseline.created:%Y-%m-%d %H:%M} UTC where {baseline.where}, "
        f"margin {baseline.margin:g}",
        highlight=False,
        soft_wrap=True,
    )
    console.print("context, position, docs: what each adds over its range in the reference")
    for stream, signals in baseline.streams().items():
        console.print(f"\n{stream}", style="bold", highlight=False)
        console.print(_table(signals.values()))
        for one in signals.values():
            if drawn := day(one):
                console.print(f"{one.signal:<18} 0 h {drawn} 23 h UTC", highlight=False)


def _table(signals: Iterable[SignalBaseline]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True, justify="left" if heading == "signal" else "right")
    for one in signals:
        table.add_row(*_cells(one))
    return table


def _cells(one: SignalBaseline) -> list[str]:
    spreads = one.column("high") - one.column("low")
    slopes = one.column("value") * spreads
    return [
        one.signal,
        str(one.requests),
        f"{one.mean:.3f} ±{one.interval:.3f}",
        f"{one.scale:.3f}",
        *(f"{slope:+.3f}" for slope in slopes[: len(LENGTHS)]),
        f"{one.likeness:.1f}",
    ]


def day(one: SignalBaseline) -> str:
    """Twenty-four bars from the lowest to the highest hour; empty where hours are not covered.

    The range, in the signal's unit, is written behind them.
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
