"""False alarms of the monitor, and of the rules of others, on simulated traffic in control.

``--months`` stream-months of each regime for the monitor, ``--others`` for each other rule, which
get the raw signal as they do in use. ``--workers`` processes.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from benchmarks.drift_rules import RULES
from benchmarks.drift_streams import parts, reference, watched
from benchmarks.drift_traffic import MONTH, REGIMES
from benchmarks.report import Figure, Report
from sidecar.drift import Policy
from sidecar.drift.requests import PRIMARY

MONTHS_OF_YEAR = 12


def ours(regime: str, seed: int) -> int:
    """Alerts of the monitor in a month."""
    return len(watched(reference(regime, seed), parts(regime, seed), Policy()))


def theirs(name: str, regime: str, seed: int) -> int:
    """Alarms of a rule in a month of the same stream."""
    every = [part.signal(PRIMARY) for part in parts(regime, seed)]
    rule = RULES[name](every[0])
    return sum(len(rule(part)) for part in every[1:])


def upper(alarms: int, months: int) -> float:
    """The 95 % upper bound of alarms a month; exact, for a Poisson count."""
    from scipy.stats import chi2

    return float(chi2.ppf(0.95, 2 * alarms + 2) / 2 / months)


def figures(months: int, others: int, workers: int) -> dict[str, Figure]:
    """By regime, and the worst of all."""
    found, worst = {}, 0.0
    with ProcessPoolExecutor(workers) as pool:
        for regime in REGIMES:
            alarms = sum(pool.map(partial(ours, regime), range(months)))
            rate = alarms / months
            worst = max(worst, rate * MONTHS_OF_YEAR)
            spread = (rate, upper(alarms, months))
            found[f"{regime}_ours"] = Figure(rate, "a stream-month", spread=spread)
            for name in RULES:
                counts = list(pool.map(partial(theirs, name, regime), range(others)))
                found[f"{regime}_{name}"] = Figure(float(np.mean(counts)), "a stream-month")
    year = Figure(worst, "a stream-year", goal=1.0)
    bound = Figure(MONTH / Policy().run_length, "probability of any in a month")
    return {"false_alarms_per_stream_year_worst": year, "promised": bound, **found}


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--months", type=int, default=100)
    parser.add_argument("--others", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_known_args()[0]
    found = figures(given.months, given.others, given.workers)
    Report("drift_false_alarms", found).finish()


if __name__ == "__main__":
    main()
