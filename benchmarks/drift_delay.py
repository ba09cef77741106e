"""Delays of the monitor for shifts hitting 10, 25 and 100 % of requests, beside an oracle.

The oracle is a CUSUM on the same residuals that is told the size of the shift beforehand. For the
ratio both have the same measured rate of false alarms, one in a month of the same traffic in
control: each threshold is the quantile of its own peaks over ``--pieces`` pieces of 100,000
requests. ``p90_requests_…`` are of the monitor as it comes.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from benchmarks.drift_streams import PART, deviations, parts, reference, watched
from benchmarks.drift_traffic import MONTH, REGIMES, Shift
from benchmarks.report import Figure, Report, parser
from sidecar.drift import Policy
from sidecar.drift.evidence import Evidence
from sidecar.drift.requests import Floats

HITS = {10: 2500.0, 25: 400.0, 100: 100.0}
BEFORE, AFTER = 2000, 12_000
LASTS = 3000
"""Requests of a shift that ends."""
PIECE = 100_000
DRAWN = 2000
"""Samples of a bootstrap."""
QUIET = math.exp(-PIECE / MONTH)
"""Share of pieces without an alarm at one alarm a month."""


def delay(regime: str, seed: int, hit: float) -> tuple[float, bool]:
    """Requests from the shift to the alert, infinite when there is none in time.

    And whether it was told to be over while the shift went on.
    """
    made = parts(regime, seed, BEFORE + AFTER, Shift(BEFORE, hit))
    seen = watched(reference(regime, seed), made, Policy())
    late = [place - BEFORE + 1 for place in seen.raised if place >= BEFORE]
    return min(late, default=np.inf), any(place >= BEFORE for place in seen.over)


def p90(delays: Sequence[float], goal: float) -> Figure:
    """With its 95 % interval over streams, by bootstrap."""
    drawn = np.random.default_rng(0).choice(delays, (DRAWN, len(delays)))
    low, high = np.quantile(np.quantile(drawn, 0.9, axis=1), [0.025, 0.975]).tolist()
    return Figure(float(np.quantile(delays, 0.9)), "requests", goal=goal, spread=(low, high))


def end(regime: str, seed: int, hit: float) -> float:
    """Requests from the end of a shift until its alert is told to be over."""
    made = parts(regime, seed, BEFORE + LASTS, Shift(BEFORE, hit))
    after = islice(parts(regime, seed + 1, PIECE), 1, None)
    seen = watched(reference(regime, seed), chain(made, after), Policy())
    return min((place - PART for place in seen.over if place >= PART), default=math.inf)


def residuals(regime: str, seed: int, size: int, hit: float = 0.0) -> Floats:
    """``[size]`` of a stream."""
    made = parts(regime, seed, size, Shift(BEFORE, hit) if hit else None)
    return np.concatenate([deviations(reference(regime, 0), part)[:, 0] for part in made])


def ours(regime: str, z: Floats) -> Floats:
    """``[n]`` evidence."""
    return Evidence(reference(regime, 0).signals).add(z[:, None])


def cusum(z: Floats, shift: float) -> Floats:
    """``[n]`` of Page's statistic for a fall by ``shift``, told beforehand."""
    total = np.cumsum(-z - shift / 2)
    found: Floats = total - np.minimum.accumulate(np.minimum(total, 0))
    return found


def first(levels: Floats, threshold: float) -> float:
    """Requests from the shift until a threshold is reached; infinite when it is not."""
    reached = np.flatnonzero(levels[BEFORE:] >= threshold)
    return float(reached[0] + 1) if len(reached) else math.inf


def ratios(regime: str, seeds: int, pieces: int) -> dict[int, float]:
    """Mean delay over the oracle's, by hit, at the same rate of false alarms."""
    scale = reference(regime, 0).signals[0].scale
    shifts = {percent: percent / 100 * Shift(0, 1).size / scale for percent in HITS}
    peaks = []
    for seed in range(pieces):
        z = residuals(regime, 1000 + seed, PIECE)
        peaks.append([ours(regime, z).max(), *(cusum(z, shift).max() for shift in shifts.values())])
    limit, *limits = np.quantile(peaks, QUIET, axis=0).tolist()
    found = {}
    for (percent, shift), bound in zip(shifts.items(), limits, strict=True):
        made = [residuals(regime, seed, BEFORE + AFTER, percent / 100) for seed in range(seeds)]
        mine = np.mean([first(ours(regime, z), limit) for z in made])
        best = np.mean([first(cusum(z, shift), bound) for z in made])
        found[percent] = float(mine / best)
    return found


def figures(seeds: int, pieces: int) -> dict[str, Figure]:
    """By regime and hit, and the worst of all."""
    found: dict[str, Figure] = {}
    for regime in REGIMES:
        ratio = ratios(regime, seeds, pieces)
        for percent, goal in HITS.items():
            delays, over = zip(
                *(delay(regime, seed, percent / 100) for seed in range(seeds)), strict=True
            )
            ends = [end(regime, seed, percent / 100) for seed in range(seeds)]
            found[f"{regime}_{percent}_end"] = Figure(float(np.median(ends)), "requests")
            found[f"{regime}_{percent}_over"] = Figure(float(np.mean(over)), "of the alerts")
            low, middle, high = np.quantile(delays, [0.25, 0.5, 0.75]).tolist()
            found[f"{regime}_{percent}_p90"] = p90(delays, goal)
            found[f"{regime}_{percent}_median"] = Figure(middle, "requests", spread=(low, high))
            found[f"{regime}_{percent}_mean"] = Figure(float(np.mean(delays)), "requests")
            found[f"{regime}_{percent}_ratio"] = Figure(ratio[percent], "times the oracle's mean")
        print(f"{regime}: done", flush=True)
    worst = {
        f"p90_requests_hit_{percent}": replace(
            max(
                (found[f"{regime}_{percent}_p90"] for regime in REGIMES), key=lambda one: one.value
            ),
            unit="requests, worst traffic",
        )
        for percent in HITS
    }
    ratio_worst = max(found[f"{r}_{p}_ratio"].value for r in REGIMES for p in HITS)
    unit = "times the mean delay, worst traffic and hit"
    too_early = max(found[f"{r}_{p}_over"].value for r in REGIMES for p in HITS)
    return {
        **worst,
        "ratio_to_oracle": Figure(ratio_worst, unit, goal=1.5),
        "told_over_too_early": Figure(too_early, "of the alerts, worst traffic and hit"),
        **found,
    }


def main() -> None:
    """Run and report."""
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--pieces", type=int, default=60)
    given = options.parse_args()
    Report("drift_delay", figures(given.seeds, given.pieces)).finish(given.json)


if __name__ == "__main__":
    main()
