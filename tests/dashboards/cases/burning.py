"""Burn rates, where only one pair of windows can fire: just above its factor, just below, and over.

It is over when the short window has recovered, though the long one is above its factor still.
"""

from dataclasses import dataclass

from tests.dashboards.cases.case import DAEMON, TAP, Case, Series, series


@dataclass(frozen=True)
class Pair:
    """Two windows, with samples from one value to the next as ``number*times``, in turn."""

    alert: str
    windows: str
    every: str
    at: str
    made: str
    above: str
    value: str
    below: str
    over: str


_PAIRS = (
    Pair(
        alert="AttentionDeliveryBurnsFast",
        windows="1h and 5m",
        every="2m",
        at="7h",
        made="10000*220",
        above="0*180 150*40",
        value="1.5%",
        below="0*180 140*40",
        over="0*180 300*25 0*15",
    ),
    Pair(
        alert="AttentionDeliveryBurnsFast",
        windows="6h and 30m",
        every="2m",
        at="7h",
        made="10000*220",
        above="65*220",
        value="0.65%",
        below="55*220",
        over="120*190 0*30",
    ),
    Pair(
        alert="AttentionDeliveryBurnsSlowly",
        windows="1d and 2h",
        every="10m",
        at="80h",
        made="100000*324 10000*160",
        above="0*324 32*160",
        value="0.32%",
        below="0*324 28*160",
        over="0*324 50*138 0*22",
    ),
    Pair(
        alert="AttentionDeliveryBurnsSlowly",
        windows="3d and 6h",
        every="10m",
        at="80h",
        made="10000*484",
        above="11*484",
        value="0.11%",
        below="9*484",
        over="20*438 0*46",
    ),
)


def _counted(paces: str) -> str:
    found, reached = [], 0
    for pace in paces.split():
        step, times = map(int, pace.split("*"))
        found.append(f"{reached}+{step}x{times - 1}")
        reached += step * times
    return " ".join(found)


def _traffic(made: str, lost: str) -> Series:
    return series("attention_tap_samples_total", _counted(made), TAP) | series(
        "attention_tap_dropped_total", _counted(lost), TAP, reason="queue_full"
    )


def _cases(pair: Pair) -> dict[tuple[str, str], Case]:
    fires = _traffic(pair.made, pair.above)
    found = {"above": Case(fires, labels=DAEMON, at=pair.at, every=pair.every, value=pair.value)}
    for how, lost in (("below", pair.below), ("over", pair.over)):
        found[how] = Case(silent=_traffic(pair.made, lost), at=pair.at, every=pair.every)
    return {(pair.alert, f"{pair.windows}, {how}"): case for how, case in found.items()}


FURTHER = {key: case for pair in _PAIRS for key, case in _cases(pair).items()}
