"""Cases of the alerts on a loss of measurement."""

from tests.dashboards.cases.case import DAEMON, MODEL, STREAM, TAP, Case, Series, series


def _tap_state(state: str) -> Case:
    def is_in(one: str, value: str) -> Series:
        return series("attention_tap_state", value, TAP, attention_tap_state=one)

    return Case(
        fires=is_in(state, "1x30") | is_in("active", "0x30"),
        silent=is_in(state, "0x30") | is_in("active", "1x30"),
        labels={**TAP, "attention_tap_state": state},
    )


_SAMPLES = series("attention_samples_total", "0+10x60 600x60", STREAM)
_ALWAYS_SAMPLES = series("attention_samples_total", "0+10x120", STREAM)
_SERVED = series(
    "vllm:request_success_total", "0+100x120", MODEL, job="vllm", engine="0", finished_reason="stop"
)
_ASKED = series("attention_tap_requests_total", "0+20x120", TAP)
_CONFIGURED = series("attention_tap_sampling_rate", "0.1x120", TAP)
_RATE = _CONFIGURED | series("attention_tap_effective_sampling_rate", "0.1x120", TAP)
_TAP_GONE = series("attention_tap_sampling_rate", "0.1x30 stale", TAP) | series(
    "attention_tap_effective_sampling_rate", "0.1x30 stale", TAP
)
_UNMEASURED = ("attention_unmeasured_total", {**STREAM, "signal": "context_share"})
_FAILURES = ("attention_tap_span_failures_total", {**TAP, "reason": "not_in_prompt"})
_SAMPLED = series("attention_tap_requests_sampled_total", "0+10x120", TAP)

CASES = {
    "AttentionTapBlind": _tap_state("blind"),
    "AttentionTapTripped": _tap_state("tripped"),
    "AttentionTapLost": _tap_state("lost"),
    "AttentionTapErrors": Case(
        fires=series("attention_tap_errors_total", "0+1x30", TAP, type="ValueError"),
        silent=series("attention_tap_errors_total", "3x30", TAP, type="ValueError"),
        labels={**MODEL, "type": "ValueError"},
        value="10",
    ),
    "AttentionNoSamples": Case(
        fires=_SAMPLES | _ASKED | _RATE,
        silent=_ALWAYS_SAMPLES | _ASKED | _RATE,
        labels={**DAEMON, **MODEL},
        at="90m",
        value="20",
    ),
    "AttentionTapMissing": Case(
        fires=_TAP_GONE | _SERVED,
        silent=_TAP_GONE | _SERVED | series("up", "1x30 0x90", DAEMON),
        labels=MODEL,
        at="60m",
        value="100",
    ),
    "AttentionContextUnmeasured": Case(
        fires=_ALWAYS_SAMPLES | series(_UNMEASURED[0], "0x90 0+10x30", _UNMEASURED[1]),
        silent=_ALWAYS_SAMPLES | series(_UNMEASURED[0], "0+10x120", _UNMEASURED[1]),
        labels={**MODEL, "route": "shop"},
        at="115m",
        value="100%",
    ),
    "AttentionDocumentsNotFound": Case(
        fires=_SAMPLED | series(_FAILURES[0], "0x90 0+10x30", _FAILURES[1]),
        silent=_SAMPLED | series(_FAILURES[0], "0+10x120", _FAILURES[1]),
        labels=MODEL,
        at="115m",
        value="1.00",
    ),
    "AttentionSamplingThrottled": Case(
        fires=_CONFIGURED | series("attention_tap_effective_sampling_rate", "0.005x120", TAP),
        silent=_CONFIGURED | series("attention_tap_effective_sampling_rate", "0.05x120", TAP),
        labels=TAP,
        at="60m",
        value="0.5%",
    ),
    "AttentionTapLabelConflict": Case(
        fires=series("attention_tap_label_conflicts_total", "0+1x30", TAP),
        silent=series("attention_tap_label_conflicts_total", "4x30", TAP),
        labels={**MODEL, "engine": "0", "rank": "0"},
    ),
}
