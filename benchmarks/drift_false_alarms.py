"""False alarms of the monitor, and of the rules of others, on simulated traffic in control.

``--months`` stream-months of each regime for the monitor, ``--others`` for each other rule, which
get the raw signal as they do in use, and the monitor's reference. ``--workers`` processes.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial

from benchmarks.drift_rules import RULES
from benchmarks.drift_streams import ROUTES, alarms_of_routes, history, parts, reference, watched
from benchmarks.drift_traffic import MONTH, REGIMES
from benchmarks.report import Figure, Report, parser
from sidecar.drift import Policy
from sidecar.drift.requests import PRIMARY

MONTHS_OF_YEAR = 12
TIGHT = 1_000_000.0
"""A run length that a month comes near: there the promise can be seen to hold."""


def ours(regime: str, seed: int) -> tuple[int, float]:
    """Alerts of the monitor in a month, and its highest evidence."""
    seen = watched(reference(regime, seed), parts(regime, seed), Policy())
    return len(seen.raised), seen.peak


def theirs(name: str, regime: str, seed: int) -> int:
    """Alarms of a rule in a month of the same stream, with the same reference."""
    rule = RULES[name](history(regime, seed).signal(PRIMARY))
    return sum(len(rule(part.signal(PRIMARY))) for part in parts(regime, seed))


def rate(alarms: int, months: int) -> Figure:
    """Alarms a month, with the exact 95 % interval of a Poisson count."""
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * alarms)) / 2 if alarms else 0.0
    high = float(chi2.ppf(0.975, 2 * alarms + 2)) / 2
    unit = f"in a month, of {months}"
    return Figure(alarms / months, unit, spread=(low / months, high / months))


def share(hits: int, of: int, promised: float) -> Figure:
    """How many months had any, with the exact 95 % interval of a binomial count."""
    from scipy.stats import binomtest

    low, high = binomtest(hits, of).proportion_ci()
    return Figure(hits / of, "of the months", goal=promised, spread=(low, high))


def figures(months: int, others: int, workers: int) -> dict[str, Figure]:
    """By regime, and the worst of all."""
    found: dict[str, Figure] = {}
    with ProcessPoolExecutor(workers) as pool:
        for regime in REGIMES:
            seen = list(pool.map(partial(ours, regime), range(months)))
            alarms, peaks = (list(each) for each in zip(*seen, strict=True))
            found[f"{regime}_ours"] = rate(sum(alarms), months)
            together = pool.map(partial(alarms_of_routes, regime), range(months))
            found[f"{regime}_routes"] = rate(sum(together), months)
            near = sum(peak >= TIGHT for peak in peaks)
            found[f"{regime}_any_at_run_length_1e6"] = share(near, months, MONTH / TIGHT)
            for name in RULES:
                counts = pool.map(partial(theirs, name, regime), range(others))
                found[f"{regime}_{name}"] = rate(sum(counts), others)
            print(f"{regime}: done", flush=True)
    bound = Figure(MONTH / Policy().run_length, "probability of any in a month")
    return {
        "false_alarms_per_stream_year_worst": worst_year(found, "ours", "a stream-year"),
        "false_alarms_per_year_of_routes_worst": worst_year(
            found, "routes", f"a year of {ROUTES} routes"
        ),
        "promised": bound,
        **found,
    }


def worst_year(found: dict[str, Figure], of: str, unit: str) -> Figure:
    """Of all regimes, by its point estimate, with its interval."""
    month = max((found[f"{regime}_{of}"] for regime in REGIMES), key=lambda one: one.value)
    assert month.spread
    low, high = (MONTHS_OF_YEAR * end for end in month.spread)
    return Figure(month.value * MONTHS_OF_YEAR, unit, goal=1.0, spread=(low, high))


def main() -> None:
    """Run and report."""
    options = parser(__doc__)
    options.add_argument("--months", type=int, default=100)
    options.add_argument("--others", type=int, default=100)
    options.add_argument("--workers", type=int, default=1)
    given = options.parse_args()
    found = figures(given.months, given.others, given.workers)
    Report("drift_false_alarms", found).finish(given.json)


if __name__ == "__main__":
    main()
