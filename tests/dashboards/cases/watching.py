"""Cases of the alerts on what keeps drift from being watched or told."""

from tests.dashboards.cases.case import DAEMON, MODEL, STREAM, Case, Series, series

_UNMEASURED = "attention_drift_unmeasured"
_OWN = "attention_sidecar_drift_"


def _unmeasured(reason: str) -> Series:
    found: Series = {}
    for route in ("shop", "staff"):
        found |= series(_UNMEASURED, "1x90", {**STREAM, "route": route}, reason=reason)
    return found


def _grows(name: str, value: str = "15", **labels: str) -> Case:
    return Case(
        fires=series(name, "0+1x60", DAEMON, labels),
        silent=series(name, "9x60", DAEMON, labels),
        labels={**DAEMON, **labels},
        at="40m",
        value=value,
    )


def _refused(started: str) -> Series:
    return series(f"{_OWN}refused_states_total", "1x120", DAEMON, reason="unreadable") | series(
        "process_start_time_seconds", f"{started}x120", DAEMON
    )


CASES = {
    "AttentionDriftUnmeasured": Case(
        fires=_unmeasured("no baseline"),
        silent=_unmeasured("no request for … s"),
        labels={**MODEL, "reason": "no baseline"},
        at="70m",
        looked={"routes": "shop, staff"},
    ),
    "AttentionDriftErrors": Case(
        fires=series("attention_drift_requests_total", "0+1x60", DAEMON, outcome="error"),
        silent=series("attention_drift_requests_total", "0+1x60", DAEMON, outcome="watched"),
        labels=DAEMON,
        value="15",
    ),
    "AttentionDriftAlertsLost": _grows(
        f"{_OWN}lost_alerts_total", "40", target="kafka", reason="refused"
    ),
    "AttentionDriftFailing": Case(
        fires=series("attention_sidecar_sink_up", "0x30", DAEMON, sink="drift"),
        silent=series("attention_sidecar_sink_up", "0x30", DAEMON, sink="kafka"),
        labels={**DAEMON, "sink": "drift"},
    ),
    "AttentionDriftStateRefused": Case(
        fires=_refused("600"),
        silent=_refused("-3000"),
        labels={**DAEMON, "reason": "unreadable"},
    ),
    "AttentionUncalibrated": _grows(
        "attention_sidecar_uncalibrated_samples_total", reason="revision"
    ),
}
