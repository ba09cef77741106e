"""Recording rules: our delivery objective over the windows that burn rates want."""

from dashboards.delivery import WINDOW, loss_ratio
from dashboards.rules.alert import Record

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", WINDOW)
SIGNALS = ("grounding_score", "context_share")


def lost(window: str) -> str:
    """Name of the share of samples lost within a window, by daemon."""
    return f"instance:attention_samples_lost:ratio_rate{window}"


def records() -> list[Record]:
    """All recording rules."""
    losses = [Record(lost(window), loss_ratio(window)) for window in WINDOWS]
    return losses + [Record(f"route:attention_{one}:mean5m", _mean(one)) for one in SIGNALS]


def expanded(expr: str) -> str:
    """An expression without recorded series, for who does not record."""
    for record in records():
        expr = expr.replace(f"{record.name} ", f"({record.expr}) ")
    return expr


def _mean(signal: str) -> str:
    parts = (f"attention_{signal}_{part}" for part in ("sum", "count"))
    return " / ".join(f"sum by (model_name, route) (rate({part}[5m]))" for part in parts)
