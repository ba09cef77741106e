"""Cases of the alerts on losses and their causes."""

from dataclasses import replace

from tests.dashboards.cases.case import DAEMON, TAP, Case, series

_KAFKA = "attention_sidecar_kafka_state"
_STARTED = series("attention_sidecar_start_time_seconds", "600x500", DAEMON)


def _burn(at: str, every: str, share: float, value: str) -> Case:
    """A thousand samples are made from one value to the next, of which a share is dropped."""
    made = series("attention_tap_samples_total", "0+1000x500", TAP)
    dropped = "attention_tap_dropped_total"
    return Case(
        fires=made
        | _STARTED
        | series(dropped, f"0+{1000 * share:g}x500", TAP, reason="queue_full"),
        silent=made | series(dropped, "0+0.5x500", TAP, reason="queue_full"),
        labels=DAEMON,
        at=at,
        every=every,
        value=value,
    )


CASES = {
    "AttentionDeliveryBurnsFast": _burn("7h", "1m", 0.05, "5%"),
    "AttentionDeliveryBurnsSlowly": _burn("26h", "5m", 0.004, "0.4%"),
    "AttentionDeliveryBudgetSpent": replace(
        _burn("4h", "5m", 0.004, "0.4%"), looked={"started": "1970-01-01 00:10:00 +0000 UTC"}
    ),
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
