"""Figures over time as one line of text each."""

from collections.abc import Sequence

GAP, ROLLOUT = "·", "│"
_BARS = "▁▂▃▄▅▆▇█"
_LEAST_SPAN = 0.2
"""Of the largest value: less would draw noise as large as an effect."""

Series = Sequence[float | None]


def chart(before: Series, after: Series | None = None) -> str:
    """Bars from the lowest to the highest of all values, with both ends of the scale.

    What was not measured is a dot. ``after`` follows a line that marks the rollout.

    >>> chart([0.5, None, 1.0], [0.0])
    '0.00–1.00 ▅·█│▁'
    """
    known = [value for value in (*before, *(after or ())) if value is not None]
    if not known:
        return "not measured"
    low, high = _scale(known)
    drawn = _bars(before, low, high)
    if after is not None:
        drawn += ROLLOUT + _bars(after, low, high)
    return f"{low:.2f}–{high:.2f} {drawn}"


def _scale(values: Sequence[float]) -> tuple[float, float]:
    high = max(values)
    return min(*values, high * (1 - _LEAST_SPAN)), high


def _bars(values: Series, low: float, high: float) -> str:
    return "".join(GAP if value is None else _bar(value, low, high) for value in values)


def _bar(value: float, low: float, high: float) -> str:
    height = (value - low) / (high - low) if high > low else 0.0
    return _BARS[min(int(height * len(_BARS)), len(_BARS) - 1)]
