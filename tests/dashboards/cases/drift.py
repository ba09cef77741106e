"""Cases of the alerts on drift: two routes of one daemon show the same change."""

from tests.dashboards.cases.case import DAEMON, MODEL, STREAM, Case, Series, series

_SINCE = "attention_drift_since_timestamp_seconds"
_SHIFT = "attention_drift_shift_deviations"
_PUSHES = "attention_sidecar_drift_pushes_total"
_SIGNAL = {"signal": "grounding_score"}
SHIFTS = {"shop": -1.5, "staff": -1.0, "*": -0.5}
"""By route; the mean is what the alert says."""


def opened(kind: str, **shifts: float) -> Series:
    """Alerts that are open, each some minutes after the one before."""
    found: Series = {}
    for place, (route, shift) in enumerate((shifts or SHIFTS).items()):
        stream = {**STREAM, "route": route, **_SIGNAL}
        since = f"{600 + 60 * place}x30"
        found |= series(_SINCE, since, stream, direction="drop", kind=kind)
        found |= series(_SHIFT, f"{shift}x30", stream)
    return found


def pushes(values: str, outcome: str) -> Series:
    """What the daemon counts of its own pushes to an Alertmanager."""
    return series(_PUSHES, values, DAEMON, address="am:9093", outcome=outcome)


def _case(kind: str, other: str) -> Case:
    return Case(
        fires=opened(kind) | pushes("0x30", "ok") | pushes("0+1x30", "failed"),
        silent=opened(kind) | pushes("0+1x30", "ok") | opened(other, staff=-1.0),
        labels={**MODEL, "direction": "drop", "kind": kind},
        value="-1.00",
        looked={
            "since": "1970-01-01 00:10:00 +0000 UTC",
            "signals": "grounding_score",
            "routes": "*, shop, staff",
        },
    )


CASES = {
    "AttentionGroundingDrift": _case("behaviour", "traffic"),
    "AttentionTrafficDrift": _case("traffic", "behaviour"),
}
