"""Alerts on drift: one for each change of a model, whichever routes show it."""

from dashboards.rules.alert import KNOWN, Alert, Looked, by

OPEN = "attention_drift_since_timestamp_seconds"
_CHANGE = ("model_name", "direction", "kind")
_HOW_MUCH = (
    "On average over these signals and routes, {{ $labels.model_name }} moved by "
    '{{ $value | printf "%.2f" }} standard deviations of a reference request '
    "({{ $labels.direction }}), since about {{ $since | humanizeTimestamp }}. "
    "Signals: {{ $signals }}. Routes: {{ $routes }}."
)
_LOOKED = {
    "since": Looked(OPEN, _CHANGE),
    "signals": Looked(OPEN, _CHANGE, each="signal"),
    "routes": Looked(OPEN, _CHANGE, each="route"),
}


def _shift(kind: str) -> str:
    """Mean shift of the open alerts that the daemon itself does not get to an Alertmanager."""
    pushed = 'increase(attention_sidecar_drift_pushes_total{outcome="ok"}[5m]) > 0'
    opened = f'last_over_time({OPEN}{{kind="{kind}"}}[{KNOWN}])'
    shift = f"last_over_time(attention_drift_shift_deviations[{KNOWN}])"
    since = f"{opened} unless on (job, instance) {pushed}"
    same = "job, instance, model_name, route, signal"
    return f"avg by ({', '.join(_CHANGE)}) (0 * ({since}) + on ({same}) group_left () {shift})"


ALERTS = (
    Alert(
        name="AttentionGroundingDrift",
        severity="critical",
        expr=_shift("behaviour"),
        wait="2m",
        summary="Attention to documents changed on {{ $labels.model_name }}",
        description=f"{_HOW_MUCH} The traffic is like the reference; the behaviour is not.",
        dashboard="attention-alert",
        chosen={"model_name": "model"},
        looked=_LOOKED,
    ),
    Alert(
        name="AttentionTrafficDrift",
        severity="warning",
        expr=_shift("traffic"),
        wait="2m",
        summary="Traffic of {{ $labels.model_name }} is outside what the baseline knows",
        description=f"{_HOW_MUCH} Most requests are longer or other than any of the reference.",
        dashboard="attention-alert",
        chosen={"model_name": "model"},
        looked=_LOOKED,
        explained_by={"AttentionGroundingDrift": by("model_name", "direction")},
    ),
)
