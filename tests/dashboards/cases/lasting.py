"""What is not repaired does not resolve by itself, and what is repaired does."""

from dataclasses import replace

from tests.dashboards.cases.case import DAEMON, MODEL, STREAM, TAP, Case, Series, series

_EVERY = "5m"
_MADE = series("attention_samples_total", "0+50x700", STREAM)
_SAMPLED = series("attention_tap_requests_sampled_total", "0+50x700", TAP)
_RATES = series("attention_tap_sampling_rate", "0.1x700", TAP) | series(
    "attention_tap_effective_sampling_rate", "0.1x700", TAP
)
_BROKEN, _REPAIRED = "0x120 0+50x580", "0x120 0+50x60 3000x520"
"""From hour 10 on; until hour 15."""


def _unmeasured(values: str) -> Series:
    return _MADE | series("attention_unmeasured_total", values, STREAM, signal="context_share")


def _not_found(values: str) -> Series:
    return _SAMPLED | series("attention_tap_span_failures_total", values, TAP, reason="overlap")


_CONTEXT = Case(_unmeasured(_BROKEN), labels={**MODEL, "route": "shop"}, value="100%", every=_EVERY)
_DOCUMENTS = Case(_not_found(_BROKEN), labels=MODEL, value="1.00", every=_EVERY)
_NO_SAMPLES = Case(
    _RATES
    | series("attention_tap_requests_total", "0+100x700", TAP)
    | series("attention_samples_total", "0+50x120 6000x580", STREAM),
    labels={**DAEMON, **MODEL},
    value="20",
    every=_EVERY,
)
_DOWN = Case(
    series("up", "1x120 0x580", DAEMON)
    | series("attention_sidecar_build_info", "1x120 stale", DAEMON, version="0"),
    labels=DAEMON,
    every=_EVERY,
)
_BEGAN_AT = 10
_BETWEEN_MIDNIGHTS, _SERVED = "_x6 0.1x233 stale", {**MODEL, "job": "vllm", "engine": "0"}
"""From 00:30 to 20:00, so that who looks once a day does not see it."""

FURTHER = {
    (name, f"{after} h later"): replace(case, at=f"{_BEGAN_AT + after}h")
    for name, case in {
        "AttentionContextUnmeasured": _CONTEXT,
        "AttentionDocumentsNotFound": _DOCUMENTS,
        "AttentionNoSamples": _NO_SAMPLES,
        "AttentionSidecarDown": _DOWN,
    }.items()
    for after in (1, 12, 36)
} | {
    ("AttentionContextUnmeasured", "repaired"): Case(
        silent=_unmeasured(_REPAIRED), at="16h", every=_EVERY
    ),
    ("AttentionDocumentsNotFound", "repaired"): Case(
        silent=_not_found(_REPAIRED), at="16h", every=_EVERY
    ),
    ("AttentionSidecarDown", "up between two midnights"): Case(
        series("up", "_x6 1x233 0x40", DAEMON)
        | series("attention_sidecar_build_info", _BETWEEN_MIDNIGHTS, DAEMON, version="0"),
        labels=DAEMON,
        at="22h",
        every=_EVERY,
    ),
    ("AttentionTapMissing", "a tap between two midnights"): Case(
        series("attention_tap_sampling_rate", _BETWEEN_MIDNIGHTS, TAP)
        | series("attention_tap_effective_sampling_rate", _BETWEEN_MIDNIGHTS, TAP)
        | series("vllm:request_success_total", "_x6 0+100x600", _SERVED, finished_reason="stop"),
        labels=MODEL,
        at="22h",
        every=_EVERY,
        value="20",
    ),
}
