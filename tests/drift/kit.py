"""Baselines and requests made up for the tests of drift."""

import json
import re
from datetime import UTC, datetime
from functools import cache

import numpy as np

from benchmarks.drift_traffic import Shift, requests, signal
from sidecar.drift import Baseline, Requests, Stream
from sidecar.drift.baseline import fit

SIZE = 8000
MARGIN = 0.005
RAG = Stream("m", "rag")


def some(
    size: int, seed: int, *, regime: str = "iid", start: int = 0, shift: Shift | None = None
) -> Requests:
    rng = np.random.default_rng(seed)
    return requests(
        signal(regime, size, rng, start=start, shift=shift), regime, start=start, seed=seed
    )


def numbers(state: object) -> list[float]:
    """Every number of a state, in order."""
    return [float(one) for one in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", json.dumps(state))]


@cache
def baseline(*routes: str) -> Baseline:
    streams = [Stream("m", route) for route in routes or ("rag",)]
    fitted = tuple(fit(stream, some(SIZE, 1), "grounding_score", MARGIN) for stream in streams)
    return Baseline(created=datetime.now(UTC), where="true", margin=MARGIN, signals=fitted)


def without_paging(found: Baseline, route: str) -> Baseline:
    """With a further route, of which only `entropy_ratio` is known."""
    silent = found.signals[0].model_copy(update={"route": route, "signal": "entropy_ratio"})
    return found.model_copy(update={"signals": (*found.signals, silent)})
