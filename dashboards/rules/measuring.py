"""Alerts on a sudden loss of measurement: who does not measure must not look fine."""

from dashboards.rules.alert import Alert, by
from dashboards.rules.promql import grown, known
from dashboards.rules.records import MEMORY, RATE

_TAP = {"model_name": "model"}
_DAEMON = "job, instance, model_name"
_WHICH = "Tap {{ $labels.rank }} of {{ $labels.model_name }}, engine {{ $labels.engine }},"
_SAME = by("job", "instance", "model_name")
_BROKEN = dict.fromkeys(("AttentionTapBlind", "AttentionTapTripped", "AttentionTapLost"), _SAME)
_HOW_BUSY = ("10m", "1h", "6h")
"""Windows of which one fits: the less is asked, the longer it takes to know."""
_EXPECTED = 10
"""Sampled requests that cannot all be missing by chance: once in 20,000."""


def _in_state(state: str) -> str:
    series = f'attention_tap_state{{attention_tap_state="{state}"}}'
    return f"{known(series)} == 1"


def _no_samples(window: str) -> str:
    """Requests came that a tap should have sampled, and no sample of any has come."""
    asked = (
        f"increase(attention_tap_requests_total[{window}])"
        f" * avg_over_time(attention_tap_effective_sampling_rate[{window}])"
    )
    expected = f"sum by ({_DAEMON}) (max by ({_DAEMON}, engine) ({asked})) >= {_EXPECTED}"
    came = f"sum by ({_DAEMON}) {grown('attention_samples_total', window)} > 0"
    return f"({expected} unless {came})"


def _no_tap() -> str:
    """vLLM serves a model whose taps were known, none is now, and no daemon of it is down."""
    rate = f"max by (model_name) (last_over_time({RATE}[{MEMORY}]))"
    expected = " or ".join(
        f"(sum by (model_name) (increase(vllm:request_success_total[{window}])) * {rate}"
        f" >= {_EXPECTED})"
        for window in _HOW_BUSY
    )
    tap = "max by (model_name) (last_over_time(attention_tap_sampling_rate[10m]))"
    down = f"last_over_time({RATE}[{MEMORY}]) and on (job, instance) up == 0"
    return f"({expected}) unless {tap} unless max by (model_name) ({down})"


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
        expr=f"sum by (model_name, type) {grown('attention_tap_errors_total', '10m')} > 0",
        wait="0s",
        summary="The tap of {{ $labels.model_name }} catches exceptions",
        description="{{ $value | humanize }} of {{ $labels.type }} in 10 minutes.",
        dashboard="attention-health",
        chosen=_TAP,
        explained_by={"AttentionTapTripped": by("model_name")},
    ),
    Alert(
        name="AttentionNoSamples",
        severity="warning",
        expr=" or ".join(map(_no_samples, _HOW_BUSY)),
        wait="5m",
        summary="{{ $labels.model_name }} serves requests and no sample comes",
        description=(
            "{{ $labels.instance }} should have samples of {{ $value | humanize }} requests of "
            "{{ $labels.model_name }} by now, at the rate that is in force, and has none."
        ),
        dashboard="attention-health",
        chosen=_TAP,
        explained_by=_BROKEN | {"AttentionSidecarDown": by("job", "instance")},
    ),
    Alert(
        name="AttentionTapMissing",
        severity="warning",
        expr=_no_tap(),
        wait="5m",
        summary="{{ $labels.model_name }} serves requests without a tap",
        description=(
            "Taps of {{ $labels.model_name }} reported within 30 days and none does now; at their "
            "rate {{ $value | humanize }} of the requests that vLLM served had been sampled."
        ),
        dashboard="attention-health",
        chosen=_TAP,
    ),
    Alert(
        name="AttentionSamplingThrottled",
        severity="info",
        expr=(
            f"{known('attention_tap_effective_sampling_rate')}"
            f" < 0.1 * {known('attention_tap_sampling_rate')}"
        ),
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
