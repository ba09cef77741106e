"""For each alert, series on which it fires and series on which it must stay silent."""

from dataclasses import dataclass, field

DAEMON = {"job": "sidecar", "instance": "pod-1:9464"}
MODEL = {"model_name": "m"}
TAP = {**DAEMON, **MODEL, "engine": "0", "rank": "0"}
STREAM = {**DAEMON, **MODEL, "route": "shop"}
OPENED = {"signal": "grounding_score", "direction": "drop"}
SINCE, SHIFT = "attention_drift_since_timestamp_seconds", "attention_drift_shift_deviations"
STATE = "attention_drift_state"

Series = dict[str, str]
"""Values over time in promtool's notation, by selector."""


def series(name: str, values: str, *more: dict[str, str], **labels: str) -> Series:
    """One series."""
    merged: dict[str, str] = {}
    for one in (*more, labels):
        merged |= one
    inside = ",".join(f'{label}="{value}"' for label, value in merged.items())
    return {f"{name}{{{inside}}}": values}


@dataclass(frozen=True)
class Case:
    """What promtool is given and what it should find."""

    fires: Series
    silent: Series
    labels: dict[str, str]
    """Of the alert that fires, beside its severity."""
    at: str = "20m"
    every: str = "1m"
    """From one value to the next, and between evaluations."""
    value: str = ""
    """As the description says it."""
    looked: dict[str, str] = field(default_factory=dict)
    """Further values of the description."""


def _drift(route: str, kind: str, other: str) -> Case:
    stream = {**STREAM, "route": route}
    shift = series(SHIFT, "-1.5x30", stream, signal="grounding_score")
    return Case(
        fires=series(SINCE, "600x30", stream, OPENED, kind=kind) | shift,
        silent=series(SINCE, "600x30", stream, OPENED, kind=other) | shift,
        labels={**MODEL, "route": route, **OPENED, "kind": kind},
        value="-1.50",
        looked={"since": "1970-01-01 00:10:00 +0000 UTC"},
    )


def _tap_state(state: str) -> Case:
    def is_in(one: str, value: str) -> Series:
        return series("attention_tap_state", value, TAP, attention_tap_state=one)

    return Case(
        fires=is_in(state, "1x30") | is_in("active", "0x30"),
        silent=is_in(state, "0x30") | is_in("active", "1x30"),
        labels={**TAP, "attention_tap_state": state},
    )


def _burn(at: str, every: str, share: float, value: str) -> Case:
    """A thousand samples are made from one value to the next, of which a share is dropped."""
    made = series("attention_tap_samples_total", "0+1000x500", TAP)
    dropped = "attention_tap_dropped_total"
    return Case(
        fires=made | series(dropped, f"0+{1000 * share:g}x500", TAP, reason="queue_full"),
        silent=made | series(dropped, "0+0.5x500", TAP, reason="queue_full"),
        labels=DAEMON,
        at=at,
        every=every,
        value=value,
    )


_SAMPLES = series("attention_samples_total", "0+10x60 600x60", STREAM)
_ALWAYS_SAMPLES = series("attention_samples_total", "0+10x120", STREAM)
_SERVED = series("vllm:generation_tokens_total", "0+100x120", MODEL, job="vllm", engine="0")
_RATE = series("attention_tap_sampling_rate", "0.1x120", TAP)
_UNMEASURED = ("attention_unmeasured_total", {**STREAM, "signal": "context_share"})
_FAILURES = ("attention_tap_span_failures_total", {**TAP, "reason": "not_in_prompt"})
_SAMPLED = series("attention_tap_requests_sampled_total", "0+10x120", TAP)
_KAFKA = "attention_sidecar_kafka_state"

CASES = {
    "AttentionGroundingDrift": _drift("shop", "behaviour", "traffic"),
    "AttentionFleetDrift": _drift("*", "behaviour", "traffic"),
    "AttentionTrafficDrift": _drift("shop", "traffic", "behaviour"),
    "AttentionDriftUnmeasured": Case(
        fires=series(STATE, "1x90", STREAM, {STATE: "unmeasured"}),
        silent=series(STATE, "0x90", STREAM, {STATE: "unmeasured"}),
        labels={**MODEL, "route": "shop"},
        at="70m",
    ),
    "AttentionUncalibrated": Case(
        fires=series(
            "attention_sidecar_uncalibrated_samples_total", "0+6x60", DAEMON, reason="revision"
        ),
        silent=series(
            "attention_sidecar_uncalibrated_samples_total", "9x60", DAEMON, reason="revision"
        ),
        labels={**DAEMON, "reason": "revision"},
        at="40m",
        value="90",
    ),
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
        fires=_SAMPLES | _SERVED | _RATE,
        silent=_ALWAYS_SAMPLES | _SERVED | _RATE,
        labels=MODEL,
        at="90m",
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
        fires=_RATE | series("attention_tap_effective_sampling_rate", "0.005x120", TAP),
        silent=_RATE | series("attention_tap_effective_sampling_rate", "0.05x120", TAP),
        labels=TAP,
        at="60m",
        value="0.5%",
    ),
    "AttentionTapLabelConflict": Case(
        fires=series("attention_tap_label_conflicts_total", "0+1x30", TAP),
        silent=series("attention_tap_label_conflicts_total", "4x30", TAP),
        labels={**MODEL, "engine": "0", "rank": "0"},
    ),
    "AttentionDeliveryBurnsFast": _burn("7h", "1m", 0.05, "5%"),
    "AttentionDeliveryBurnsSlowly": _burn("80h", "30m", 0.004, "0.4%"),
    "AttentionDeliveryBudgetSpent": _burn("80h", "30m", 0.004, "0.4%"),
    "AttentionSidecarDown": Case(
        fires=series("up", "1x10 0x20", DAEMON)
        | series("attention_sidecar_build_info", "1x10", DAEMON, version="0"),
        silent=series("up", "0x30", job="another", instance="host:80"),
        labels=DAEMON,
    ),
    "AttentionSinkDown": Case(
        fires=series("attention_sidecar_sink_up", "0x30", DAEMON, sink="kafka"),
        silent=series("attention_sidecar_sink_up", "1x30", DAEMON, sink="kafka"),
        labels={**DAEMON, "sink": "kafka"},
    ),
    "AttentionKafkaAway": Case(
        fires=series(_KAFKA, "1x30", DAEMON, {"topic": "t", _KAFKA: "away"}),
        silent=series(_KAFKA, "1x30", DAEMON, {"topic": "t", _KAFKA: "running"}),
        labels={**DAEMON, "topic": "t"},
    ),
    "AttentionArchiveStuck": Case(
        fires=series("attention_sidecar_archive_staging_failures_total", "0+1x30", DAEMON)
        | series("attention_sidecar_archive_recovery_failures_total", "0x30", DAEMON),
        silent=series("attention_sidecar_archive_staging_failures_total", "2x30", DAEMON)
        | series("attention_sidecar_archive_recovery_failures_total", "1x30", DAEMON),
        labels=DAEMON,
        value="15",
    ),
    "AttentionTelemetryDropped": Case(
        fires=series(
            "attention_sidecar_otel_dropped_total", "0+1x30", DAEMON, kind="event", reason="failed"
        ),
        silent=series(
            "attention_sidecar_otel_dropped_total", "1x30", DAEMON, kind="event", reason="failed"
        ),
        labels={**DAEMON, "kind": "event", "reason": "failed"},
        value="15",
    ),
    "AttentionMalformed": Case(
        fires=series(
            "attention_sidecar_malformed_messages_total", "0+1x30", DAEMON, reason="version"
        ),
        silent=series(
            "attention_sidecar_malformed_messages_total", "1x30", DAEMON, reason="version"
        ),
        labels={**DAEMON, "reason": "version"},
        value="15",
    ),
    "AttentionLabelsOverflow": Case(
        fires=series("attention_sidecar_label_overflow_total", "0+1x90", DAEMON, label="route"),
        silent=series("attention_sidecar_label_overflow_total", "1x90", DAEMON, label="route"),
        labels={**DAEMON, "label": "route"},
        at="80m",
        value="60",
    ),
    "AttentionCollectorFailing": Case(
        fires=series("attention_sidecar_collector_success", "0x30", DAEMON, collector="taps"),
        silent=series("attention_sidecar_collector_success", "1x30", DAEMON, collector="taps"),
        labels={**DAEMON, "collector": "taps"},
    ),
}
