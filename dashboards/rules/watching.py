"""Alerts on what keeps drift from being watched, and its alerts from being told."""

from dashboards.rules.alert import KNOWN, Alert, Looked, by
from dashboards.rules.promql import known

_DAEMON = {"instance": "instance"}
_UNMEASURED = (
    "group by (model_name, route, reason) "
    f'(last_over_time(attention_drift_unmeasured{{route!="*",reason!~"no request.*"}}[{KNOWN}]))'
)
_OWN = "attention_sidecar_drift_"
_NOTHING_COMES = (
    *("AttentionNoSamples", "AttentionTapMissing"),
    *("AttentionTapBlind", "AttentionTapTripped", "AttentionTapLost"),
)
_TOO_FEW = "too few requests.*"
"""The one reason for being unmeasured that is explained where nothing comes."""


def _grows(counter: str, by: str, window: str) -> str:
    return f"sum by (job, instance{by}) (increase({counter}[{window}])) > 0"


ALERTS = (
    Alert(
        name="AttentionDriftUnmeasured",
        severity="warning",
        expr=f"count by (model_name, reason) ({_UNMEASURED})",
        wait="1h",
        summary="Routes of {{ $labels.model_name }} are not watched for drift",
        description=(
            "Routes unmeasured for an hour, {{ $labels.reason }}: {{ $routes }}. "
            "They are not known to be fine."
        ),
        dashboard="attention-alert",
        chosen={"model_name": "model"},
        looked={
            "routes": Looked("attention_drift_unmeasured", ("model_name", "reason"), each="route")
        },
        explained_by=dict.fromkeys(_NOTHING_COMES, by("model_name", reason=_TOO_FEW)),
    ),
    Alert(
        name="AttentionDriftErrors",
        severity="warning",
        expr=_grows('attention_drift_requests_total{outcome="error"}', "", "15m"),
        wait="0s",
        summary="{{ $labels.instance }} cannot look at requests for drift",
        description="{{ $value | humanize }} requests in 15 minutes are evidence of nothing.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionDriftAlertsLost",
        severity="warning",
        expr=_grows(f"{_OWN}lost_alerts_total", ", target, reason", "1h"),
        wait="0s",
        summary="Drift alerts did not reach {{ $labels.target }}",
        description=(
            "{{ $value | humanize }} of {{ $labels.instance }} were lost in an hour: "
            "{{ $labels.reason }}. `attention-sidecar status` has those that are open."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionDriftFailing",
        severity="warning",
        expr=known('attention_sidecar_sink_up{sink="drift"}') + " == 0",
        wait="2m",
        summary="The watch for drift of {{ $labels.instance }} fails",
        description=(
            "An Alertmanager takes no alerts, the disk takes no state, or the watch cannot start: "
            "`attention-sidecar status` says which. While a push fails, AttentionGroundingDrift "
            "and AttentionTrafficDrift tell of drift in its place."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionDriftStateRefused",
        severity="warning",
        expr=(
            f"sum by (job, instance, reason) ({known(f'{_OWN}refused_states_total')} > 0 and "
            f"on (job, instance) time() - {known('process_start_time_seconds')} < 3600)"
        ),
        wait="0s",
        summary="{{ $labels.instance }} has begun to watch for drift anew",
        description=(
            "The state of its last run was not used: {{ $labels.reason }}. Evidence starts at "
            "nothing, and alerts that were open are given up."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionUncalibrated",
        severity="warning",
        expr=_grows("attention_sidecar_uncalibrated_samples_total", ", reason", "15m"),
        wait="15m",
        summary="Samples lack the grounding score: no calibration fits them",
        description=(
            "{{ $value | humanize }} samples in 15 minutes at {{ $labels.instance }}, "
            "by what differs: {{ $labels.reason }}. The alarm falls back to weaker signals."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
)
