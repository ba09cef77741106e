"""Alerts on a sudden loss of measurement: who does not measure must not look fine."""

from dashboards.rules.alert import Alert

_TAP = {"model_name": "model"}
_WHICH = "Tap {{ $labels.rank }} of {{ $labels.model_name }}, engine {{ $labels.engine }},"
_SAMPLES = "sum by (model_name) (increase(attention_samples_total[{window}]))"
_BROKEN = {
    "AttentionTapBlind": ("model_name",),
    "AttentionTapTripped": ("model_name",),
    "AttentionTapLost": ("model_name",),
}


def _in_state(state: str) -> str:
    return f'attention_tap_state{{attention_tap_state="{state}"}} == 1'


def _no_samples() -> str:
    """Requests are served, samples came within a day, and none comes now though some should."""
    traffic = (
        "sum by (model_name) (rate(vllm:generation_tokens_total[10m])) > 0"
        " or sum by (model_name) (rate(attention_tap_requests_total[10m])) > 0"
    )
    once, now = _SAMPLES.format(window="1d"), _SAMPLES.format(window="10m")
    chosen = "max by (model_name) (attention_tap_sampling_rate) == 0"
    return (
        f"(({traffic}) and on (model_name) {once} > 0)"
        f" unless on (model_name) {now} > 0 unless on (model_name) {chosen}"
    )


def _unmeasured(window: str) -> str:
    lacking = f'increase(attention_unmeasured_total{{signal="context_share"}}[{window}])'
    samples = f"increase(attention_samples_total[{window}])"
    return f"sum by (model_name, route) ({lacking}) / sum by (model_name, route) ({samples})"


def _not_found(window: str) -> str:
    failures = f"rate(attention_tap_span_failures_total[{window}])"
    requests = f"rate(attention_tap_requests_sampled_total[{window}])"
    return f"sum by (model_name) ({failures}) / (sum by (model_name) ({requests}) > 0)"


def _sudden(now: str, usual: str, level: float) -> str:
    return f"{now} > {level} and {now} > 2 * ({usual})"


ALERTS = (
    Alert(
        name="AttentionTapBlind",
        severity="warning",
        expr=_in_state("blind"),
        wait="5m",
        summary="The tap of {{ $labels.model_name }} measures nothing",
        description=f"{_WHICH} is blind: its self-test or a layer brings no sample.",
        dashboard="attention-health",
        chosen=_TAP,
    ),
    Alert(
        name="AttentionTapTripped",
        severity="warning",
        expr=_in_state("tripped"),
        wait="0s",
        summary="The tap of {{ $labels.model_name }} has switched itself off",
        description=f"{_WHICH} had several errors in a row. Serving goes on; nothing is measured.",
        dashboard="attention-health",
        chosen=_TAP,
    ),
    Alert(
        name="AttentionTapLost",
        severity="warning",
        expr=_in_state("lost"),
        wait="5m",
        summary="The tap of {{ $labels.model_name }} does not report",
        description=(
            f"{_WHICH} has been silent for minutes: its engine ended, or nothing comes through."
        ),
        dashboard="attention-health",
        chosen=_TAP,
    ),
    Alert(
        name="AttentionTapErrors",
        severity="info",
        expr="sum by (model_name, type) (increase(attention_tap_errors_total[10m])) > 0",
        wait="0s",
        summary="The tap of {{ $labels.model_name }} catches exceptions",
        description="{{ $value | humanize }} of {{ $labels.type }} in 10 minutes.",
        dashboard="attention-health",
        chosen=_TAP,
        explained_by={"AttentionTapTripped": ("model_name",)},
    ),
    Alert(
        name="AttentionNoSamples",
        severity="warning",
        expr=_no_samples(),
        wait="5m",
        summary="{{ $labels.model_name }} serves requests and no sample comes",
        description=(
            "Samples of {{ $labels.model_name }} came within the last day; for ten minutes "
            "none has, though requests are served and sampling is not set to 0."
        ),
        dashboard="attention-health",
        chosen=_TAP,
        explained_by=_BROKEN,
    ),
    Alert(
        name="AttentionContextUnmeasured",
        severity="warning",
        expr=_sudden(_unmeasured("15m"), _unmeasured("1d"), 0.5),
        wait="5m",
        summary="Context share of route {{ $labels.route }} can no longer be measured",
        description=(
            "{{ $value | humanizePercentage }} of the samples of {{ $labels.model_name }}, "
            "{{ $labels.route }} lack it, more than twice the day's share."
        ),
        dashboard="attention-route",
        chosen={"model_name": "model", "route": "route"},
    ),
    Alert(
        name="AttentionDocumentsNotFound",
        severity="warning",
        expr=_sudden(_not_found("15m"), _not_found("1d"), 0.2),
        wait="5m",
        summary="Documents of {{ $labels.model_name }} are not found in its prompts",
        description=(
            '{{ $value | printf "%.2f" }} documents per sampled request are not found, '
            "more than twice the day's mean."
        ),
        dashboard="attention-route",
        chosen=_TAP,
    ),
    Alert(
        name="AttentionSamplingThrottled",
        severity="info",
        expr="attention_tap_effective_sampling_rate < 0.1 * attention_tap_sampling_rate",
        wait="30m",
        summary="The tap of {{ $labels.model_name }} samples little for lack of time",
        description=(
            f"{_WHICH} samples {{{{ $value | humanizePercentage }}}} of the requests, "
            "less than a tenth of what is configured: its budget is used up."
        ),
        dashboard="attention-health",
        chosen=_TAP,
    ),
    Alert(
        name="AttentionTapLabelConflict",
        severity="warning",
        expr=(
            "sum by (model_name, engine, rank) "
            "(increase(attention_tap_label_conflicts_total[10m])) > 0"
        ),
        wait="0s",
        summary="Two engines of {{ $labels.model_name }} hide each other",
        description=f"{_WHICH} is two live engines; give each its own engine.label.",
        dashboard="attention-health",
        chosen=_TAP,
    ),
)
