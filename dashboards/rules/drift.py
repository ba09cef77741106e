"""Alerts on drift: what pages, and what keeps drift from being watched."""

from dashboards.rules.alert import Alert, Looked

_STREAM = {"model_name": "model", "route": "route"}
_SIGNAL = {**_STREAM, "signal": "signal"}
_OPEN = "model_name, route, signal, direction, kind"
_SINCE = Looked("attention_drift_since_timestamp_seconds", ("model_name", "route", "signal"))
_HOW_MUCH = (
    "{{ $labels.signal }} of {{ $labels.model_name }} moved "
    'by {{ $value | printf "%.2f" }} standard '
    "deviations of a reference request ({{ $labels.direction }}), "
    "since about {{ $since | humanizeTimestamp }}."
)


def _open(kind: str, route: str) -> str:
    """Shift of each open alert; 0 where it is not known, so that the alert is not silent."""
    since = f'0 * attention_drift_since_timestamp_seconds{{kind="{kind}",route{route}}}'
    same = "job, instance, model_name, route, signal"
    shift = f"{since} + on ({same}) group_left () attention_drift_shift_deviations"
    return f"avg by ({_OPEN}) ({shift}) or max by ({_OPEN}) ({since})"


ALERTS = (
    Alert(
        name="AttentionGroundingDrift",
        severity="critical",
        expr=_open("behaviour", '!="*"'),
        wait="0s",
        summary="Attention to documents changed on route {{ $labels.route }}",
        description=f"{_HOW_MUCH} The traffic is like the reference; the behaviour is not.",
        dashboard="attention-alert",
        chosen=_SIGNAL,
        looked={"since": _SINCE},
        explained_by={"AttentionFleetDrift": ("model_name",)},
    ),
    Alert(
        name="AttentionFleetDrift",
        severity="critical",
        expr=_open("behaviour", '="*"'),
        wait="0s",
        summary="Attention to documents changed on most routes of {{ $labels.model_name }}",
        description=f"{_HOW_MUCH} It is the median of all routes: look for what they share.",
        dashboard="attention-overview",
        chosen={"model_name": "model"},
        looked={"since": _SINCE},
    ),
    Alert(
        name="AttentionTrafficDrift",
        severity="warning",
        expr=_open("traffic", '=~".+"'),
        wait="0s",
        summary="Traffic on route {{ $labels.route }} is outside what the baseline knows",
        description=f"{_HOW_MUCH} Most requests are longer or other than any of the reference.",
        dashboard="attention-alert",
        chosen=_SIGNAL,
        looked={"since": _SINCE},
    ),
    Alert(
        name="AttentionDriftUnmeasured",
        severity="warning",
        expr=(
            "max by (model_name, route) "
            '(attention_drift_state{attention_drift_state="unmeasured",route!="*"}) == 1'
        ),
        wait="1h",
        summary="Route {{ $labels.route }} is not watched for drift",
        description=(
            "Stream {{ $labels.model_name }}, {{ $labels.route }} has been unmeasured for an hour: "
            "no baseline, too few requests, or no paging signal. It is not known to be fine."
        ),
        dashboard="attention-alert",
        chosen=_STREAM,
        explained_by={
            "AttentionNoSamples": ("model_name",),
            "AttentionTapBlind": ("model_name",),
            "AttentionTapTripped": ("model_name",),
            "AttentionTapLost": ("model_name",),
        },
    ),
    Alert(
        name="AttentionUncalibrated",
        severity="warning",
        expr=(
            "sum by (job, instance, reason) "
            "(increase(attention_sidecar_uncalibrated_samples_total[15m])) > 0"
        ),
        wait="15m",
        summary="Samples lack the grounding score: no calibration fits them",
        description=(
            "{{ $value | humanize }} samples in 15 minutes at {{ $labels.instance }}, "
            "by what differs: {{ $labels.reason }}. The alarm falls back to weaker signals."
        ),
        dashboard="attention-route",
    ),
)
