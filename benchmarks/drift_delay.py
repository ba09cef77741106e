"""Delays of the monitor for shifts hitting 10, 25 and 100 % of requests, beside an oracle.

The oracle is a CUSUM told the size of the shift beforehand, on the same residuals. Both have the
same run length: its own by an approximation for normal values, ours the promised lower bound.
"""

import argparse
import math

import numpy as np

from benchmarks.drift_streams import parts, reference, residuals, watched
from benchmarks.drift_traffic import Shift
from benchmarks.report import Figure, Report
from sidecar.drift import Policy
from sidecar.drift.requests import Floats

HITS = {10: 2500.0, 25: 400.0, 100: 100.0}
BEFORE, AFTER = 2000, 8000
REGIME = "iid"


def delay(seed: int, hit: float) -> float:
    """Requests from the shift to the alert; infinite when there is none in time."""
    made = parts(REGIME, seed, BEFORE + AFTER, Shift(BEFORE, hit))
    later = [place - BEFORE for place in watched(reference(REGIME, 0), made, Policy())]
    return min((place + 1 for place in later if place >= 0), default=np.inf)


def stream(seed: int, hit: float, size: int) -> Floats:
    """Residuals of a whole stream."""
    one = reference(REGIME, 0).signals[0]
    made = parts(REGIME, seed, size, Shift(BEFORE, hit) if hit else None)
    return np.concatenate([residuals(one, part) for part in made])


def cusum(z: Floats, shift: float) -> Floats:
    """``[n]`` of Page's statistic for a fall by ``shift``, told beforehand."""
    total = np.cumsum(-z - shift / 2)
    found: Floats = total - np.minimum.accumulate(np.minimum(total, 0))
    return found


def limit(shift: float, run_length: float) -> float:
    """Limit of the oracle for a run length, by Siegmund's approximation for normal values."""
    from scipy.optimize import brentq

    def length(bound: float) -> float:
        exponent = shift * (bound + 1.166)
        return 2 * (math.exp(exponent) - 1 - exponent) / shift**2 - run_length

    found: float = brentq(length, 0.01, 500 / shift)
    return found


def oracle(seed: int, hit: float, shift: float, bound: float) -> float:
    """Its delay on the same stream."""
    after = cusum(stream(seed, hit, BEFORE + AFTER)[BEFORE:], shift)
    found = np.flatnonzero(after >= bound)
    return float(found[0] + 1) if len(found) else float("inf")


def figures(seeds: int) -> dict[str, Figure]:
    """p90 and mean of both."""
    found: dict[str, Figure] = {}
    ratios = []
    scale = reference(REGIME, 0).signals[0].scale
    for percent, goal in HITS.items():
        hit = percent / 100
        shift = hit * Shift(0, hit).size / scale
        bound = limit(shift, Policy().run_length)
        ours = [delay(seed, hit) for seed in range(1, seeds + 1)]
        best = [oracle(seed, hit, shift, bound) for seed in range(1, seeds + 1)]
        p90, p90_best = (float(np.quantile(each, 0.9)) for each in (ours, best))
        ratios.append(float(np.mean(ours) / np.mean(best)))
        name = f"p90_requests_hit_{percent}"
        found[name] = Figure(p90, "requests", baseline=p90_best, goal=goal)
        found[f"mean_requests_hit_{percent}"] = Figure(
            float(np.mean(ours)), "requests", baseline=float(np.mean(best))
        )
    return {**found, "ratio_to_oracle": Figure(max(ratios), "times the mean delay", goal=1.5)}


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=100)
    Report("drift_delay", figures(parser.parse_known_args()[0].seeds)).finish()


if __name__ == "__main__":
    main()
