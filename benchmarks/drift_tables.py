"""The drift benchmarks as tables: a row for each kind of traffic."""

import math
from collections.abc import Sequence

from benchmarks.drift_delay import HITS
from benchmarks.drift_rules import RULES
from benchmarks.drift_traffic import REGIMES
from benchmarks.report import Figure, Report

NAMES = ("median", "p90", "ratio", "end")


def false_alarms(report: Report) -> str:
    """Markdown: false alarms in a stream-month with 95 % intervals, by rule. Raises KeyError."""
    rules = ("ours", "routes", *RULES)
    rows = [
        [regime, *(_with_interval(report.figures[f"{regime}_{rule}"]) for rule in rules)]
        for regime in REGIMES
    ]
    months = report.figures[f"{REGIMES[0]}_ours"].unit.rpartition(" ")[2]
    return _table([f"false alarms a month, of {months}", *rules], rows)


def delays(report: Report) -> str:
    """Markdown: requests to the alert, its mean delay over the oracle's, and to its end.

    Raises KeyError.
    """
    heads = [f"{name}, {hit} % hit" for name in NAMES for hit in HITS]
    rows = [
        [
            regime,
            *(
                _number(report.figures[f"{regime}_{hit}_{name}"].value)
                for name in NAMES
                for hit in HITS
            ),
        ]
        for regime in REGIMES
    ]
    return _table(["requests to the alert", *heads], rows)


def _with_interval(figure: Figure) -> str:
    low, high = figure.spread or (math.nan, math.nan)
    return f"{_number(figure.value)} ({_number(low)} – {_number(high)})"


def _number(value: float) -> str:
    if math.isnan(value):
        return "not measured"
    return f"{value:,.0f}" if value >= 20 or value == int(value) else f"{value:.2g}"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    every = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in every)
