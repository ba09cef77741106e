"""The drift benchmarks: their rules find changes, their traffic is what it says, their tables."""

import numpy as np
import pytest

from benchmarks import drift_delay, drift_false_alarms, drift_tables
from benchmarks.drift_rules import RULES
from benchmarks.drift_traffic import MEAN, REGIMES, Shift, signal
from benchmarks.report import Figure, Report


@pytest.mark.parametrize("name", RULES)
def test_every_rule_finds_a_large_change(name: str) -> None:
    rng = np.random.default_rng(1)
    reference = signal("iid", 20_000, rng)
    changed = signal("iid", 5_000, rng, shift=Shift(at=1_000, hit=1.0))
    assert RULES[name](reference)(changed)


@pytest.mark.parametrize("regime", REGIMES)
def test_traffic_in_control_keeps_its_mean(regime: str) -> None:
    made = signal(regime, 200_000, np.random.default_rng(2))
    assert made.mean() == pytest.approx(MEAN, abs=0.01)
    assert made[100_000:].mean() == pytest.approx(MEAN, abs=0.015)


@pytest.mark.slow
def test_the_figures_of_both_benchmarks_fill_their_tables() -> None:
    alarms = drift_false_alarms.figures(months=1, others=1, workers=1)
    delays = drift_delay.figures(seeds=2, pieces=2)
    for drawn in (
        drift_tables.false_alarms(Report("drift_false_alarms", alarms)),
        drift_tables.delays(Report("drift_delay", delays)),
    ):
        assert [line.split(" | ")[0] for line in drawn.splitlines()[2:]] == [
            f"| {regime}" for regime in REGIMES
        ]
    assert alarms["false_alarms_per_stream_year_worst"].value >= 0


def test_a_table_shows_each_regime_and_rule() -> None:
    figures = {
        f"{regime}_{rule}": Figure(place, "in a month, of 7", spread=(0, 9))
        for regime in REGIMES
        for place, rule in enumerate(("ours", "routes", *RULES))
    }
    drawn = drift_tables.false_alarms(Report("drift_false_alarms", figures)).splitlines()
    assert drawn[0].startswith("| false alarms a month, of 7 | ours |")
    assert drawn[2].startswith("| iid | 0 (0 – 9) | 1 (0 – 9) | 2 (0 – 9) |")
