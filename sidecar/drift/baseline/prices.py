"""What bets on a change have to cost, so that traffic like the reference wins nothing by them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sidecar.drift.baseline.artefact import Wager
from sidecar.drift.detectors.base import Floats
from sidecar.drift.detectors.edetector import BETS
from sidecar.drift.views import BOUNDS, TAIL, VIEWS, View, looked_at

LENGTHS = (20, 80, 320)
"""Requests in a row whose likeness is priced."""
FEWEST = 20
"""Groups of one kind, for their likeness to be known."""
UNSEEN = 3
"""Groups that are worse than the worst: what n have not shown has a chance below 3/n, at 95 %."""
RANK = 10
"""They are as much worse as the worst is than the tenth worst."""
MOST = 0.9
"""Of the stake, that one request may lose."""
TRIED = 8
HALVINGS = 20


class Groups(NamedTuple):
    """Requests that are alike: of one session, or in a row."""

    place: NDArray[np.int64]
    """[n] group of each request, from 0."""
    size: Floats
    """[groups]"""


def wagers(
    deviations: Floats, session: NDArray[Any], margin: float
) -> tuple[float, float, tuple[Wager, ...]]:
    """Bounds of the views `low` and `high`, and all bets with their prices.

    ``deviations [n]`` are the reference's residuals in standard deviations, ``session [n]`` their
    sessions, '' if unknown; ``margin`` is in standard deviations.
    """
    low, high = np.quantile(deviations, [TAIL, 1 - TAIL]).tolist()
    groups = list(_groups(session))
    views = looked_at(deviations, low, high)
    moved = looked_at(deviations - margin, low, high), looked_at(deviations + margin, low, high)
    priced = []
    for place, name in enumerate(VIEWS):
        allowed = float(moved[place % 2][place].mean() - views[place].mean())
        priced.append(_wager(name, views[place], groups, allowed))
    return low, high, tuple(priced)


def _groups(session: NDArray[Any]) -> Iterator[Groups]:
    """In a row of each length, and, where they are known, by session, however they overlap."""
    for length in LENGTHS:
        whole = len(session) // length
        if whole >= FEWEST:
            place = np.minimum(np.arange(len(session)) // length, whole - 1)
            yield Groups(place, np.bincount(place).astype(np.float64))
    names = [name or f"\n{place}" for place, name in enumerate(session.tolist())]
    _, place, size = np.unique(names, return_inverse=True, return_counts=True)
    if len(size) >= FEWEST and size.max() > 1:
        yield Groups(place, size.astype(np.float64))


def _wager(name: View, values: Floats, groups: list[Groups], allowed: float) -> Wager:
    lowest, most = BOUNDS[name]
    spread = [_likeness(values, each) for each in groups]
    error = 3 * np.sqrt(values.var() * max(ratio for ratio, _ in spread) / len(values))
    margin = max(allowed, float(error))
    levels = [level for _, level in spread]
    start = MOST / max(float(values.mean()) + margin - lowest, 1e-9)
    tried = np.geomspace(start / 50, start, TRIED)
    losses = tried * (_prices(tried, levels, groups, most) + margin - lowest)
    top = tried[np.flatnonzero(losses <= MOST * (1 + 1e-9))[-1]]
    bets = np.geomspace(top / 50, top, BETS)
    prices = _prices(bets, levels, groups, most) + margin
    return Wager(view=name, bets=tuple(bets.tolist()), prices=tuple(prices.tolist()))


def _likeness(values: Floats, groups: Groups) -> tuple[float, Floats]:
    """By how much groups differ more than independent requests would, and their own levels.

    The ratio of variances has a standard error added; means of groups are drawn to the overall
    mean so far that what is left is their own difference, without the requests' chance.
    """
    mean, variance = float(values.mean()), max(float(values.var()), 1e-12)
    off = np.bincount(groups.place, weights=values) / groups.size - mean
    found = float((groups.size * off**2).mean()) / variance
    ratio = max(found * (1 + np.sqrt(2 / len(off))), 1.0)
    return ratio, mean + off * np.sqrt((ratio - 1) / max(found, 1e-12))


def _prices(bets: Floats, levels: list[Floats], groups: list[Groups], most: float) -> Floats:
    """``[bets]`` the prices at which no kind of group wins on average."""
    pairs = zip(levels, groups, strict=True)
    each = [_fair(bets, level, group.size, most) for level, group in pairs]
    found: Floats = np.max(each, axis=0)
    return found


def _fair(bets: Floats, level: Floats, size: Floats, most: float) -> Floats:
    """``[bets]`` prices m with ``mean of (1 + λ (level − m))^size`` at 1, by bisection.

    That is at least what the bets pay in a group, product by product: a geometric mean is at most
    the arithmetic one. Groups that were not seen are added; no view is above ``most``.
    """
    unseen = np.full(UNSEEN, min(2 * level.max() - np.partition(level, -RANK)[-RANK], most))
    level = np.append(level, unseen)
    size = np.append(size, np.full(UNSEEN, size.mean()))
    low = np.full(len(bets), float(np.average(level[:-UNSEEN], weights=size[:-UNSEEN])))
    high = np.full(len(bets), float(level.max()) + 1e-9)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        one = np.maximum(1 + bets[:, None] * (level - middle[:, None]), 1e-9)
        wins = np.exp(np.minimum(size * np.log(one), 600.0)).mean(axis=1) > 1
        low, high = np.where(wins, middle, low), np.where(wins, high, middle)
    return high
