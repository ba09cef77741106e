"""Alerts on losses beyond the budget of our own objective, and on what causes them."""

from dashboards.delivery import OBJECTIVE, WINDOW
from dashboards.rules.alert import Alert, Looked, by
from dashboards.rules.promql import known
from dashboards.rules.records import DAEMON, MEMORY, count, ratio

_BUDGET = round(1 - OBJECTIVE, 6)
_FEWEST = 10
"""Lost samples of which it is worth to speak: a few of few are a large share of them."""
_DAEMON = {"instance": "instance"}
_FASTER = {"AttentionDeliveryBurnsFast": by("job", "instance")}
_SHARE = "{{ $value | humanizePercentage }} of the samples at {{ $labels.instance }} are lost"
_STARTED = Looked("attention_sidecar_start_time_seconds", ("job", "instance"))

_AWAY = 'attention_sidecar_kafka_state{attention_sidecar_kafka_state=~"stalled|missing_topic|away"}'


def _burns(*pairs: tuple[float, str, str]) -> str:
    """Multi-window burn rates (Google, The Site Reliability Workbook, 2018, chapter 5)."""
    return " or ".join(
        f"({ratio(long)} > {factor} * {_BUDGET} and {ratio(short)} > {factor} * {_BUDGET}"
        f" and {count(long)} >= {_FEWEST})"
        for factor, long, short in pairs
    )


def _grows(counter: str, by: str, window: str = "15m") -> str:
    return f"sum by (job, instance, {by}) (increase({counter}[{window}])) > 0"


ALERTS = (
    Alert(
        name="AttentionDeliveryBurnsFast",
        severity="warning",
        expr=_burns((14.4, "1h", "5m"), (6, "6h", "30m")),
        wait="2m",
        summary="Samples are lost fast",
        description=f"{_SHARE}; the budget of 30 days of such traffic would be gone within days.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionDeliveryBurnsSlowly",
        severity="info",
        expr=_burns((3, "1d", "2h"), (1, "3d", "6h")),
        wait="15m",
        summary="Samples are lost",
        description=f"{_SHARE}; at this rate the budget of 30 days will not last.",
        dashboard="attention-health",
        chosen=_DAEMON,
        explained_by=_FASTER,
    ),
    Alert(
        name="AttentionDeliveryBudgetSpent",
        severity="warning",
        expr=f"{ratio(WINDOW)} > {_BUDGET} and {count(WINDOW)} >= {_FEWEST}",
        wait="1h",
        summary="The budget of lost samples is spent",
        description=(
            f"{_SHARE}, of 30 days or of as many as Prometheus knows, more than the objective "
            "allows. The daemon was last started at {{ $started | humanizeTimestamp }}."
        ),
        looked={"started": _STARTED},
        dashboard="attention-health",
        chosen=_DAEMON,
        explained_by=_FASTER,
    ),
    Alert(
        name="AttentionSidecarDown",
        severity="warning",
        expr=f"up == 0 and on (job, instance) last_over_time({DAEMON}[{MEMORY}])",
        wait="5m",
        summary="Sidecar daemon {{ $labels.instance }} cannot be scraped",
        description="It was there within 30 days. Nothing of its engines is measured or watched.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionSinkDown",
        severity="warning",
        expr=known('attention_sidecar_sink_up{sink!="drift"}') + " == 0",
        wait="5m",
        summary="Sink {{ $labels.sink }} of {{ $labels.instance }} fails",
        description="Samples wait for it, then they are dropped and counted.",
        dashboard="attention-health",
        chosen=_DAEMON,
        explained_by={"AttentionKafkaAway": by("job", "instance", sink="kafka")},
    ),
    Alert(
        name="AttentionKafkaAway",
        severity="warning",
        expr=f"max by (job, instance, topic) ({known(_AWAY)}) == 1",
        wait="5m",
        summary="Kafka does not take samples for {{ $labels.topic }}",
        description="Samples of {{ $labels.instance }} wait on disk until the spill is full.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionArchiveStuck",
        severity="warning",
        expr=(
            "sum by (job, instance) "
            "(increase(attention_sidecar_archive_staging_failures_total[15m])"
            " + increase(attention_sidecar_archive_recovery_failures_total[15m])) > 0"
        ),
        wait="0s",
        summary="The archive of {{ $labels.instance }} cannot write its files",
        description="{{ $value | humanize }} files in 15 minutes; their samples wait in journals.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionTelemetryDropped",
        severity="info",
        expr=_grows("attention_sidecar_otel_dropped_total", "kind, reason"),
        wait="0s",
        summary="OpenTelemetry's collector does not get everything from {{ $labels.instance }}",
        description="{{ $value | humanize }} {{ $labels.kind }} lost: {{ $labels.reason }}.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionMalformed",
        severity="warning",
        expr=(
            f"{_grows('attention_sidecar_malformed_messages_total', 'reason')}"
            f" or {_grows('attention_sidecar_malformed_samples_total', 'reason')}"
        ),
        wait="0s",
        summary="{{ $labels.instance }} gets what it cannot read",
        description="{{ $value | humanize }} in 15 minutes: {{ $labels.reason }}.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionLabelsOverflow",
        severity="info",
        expr=_grows("attention_sidecar_label_overflow_total", "label", "1h"),
        wait="0s",
        summary="Label {{ $labels.label }} has more values than {{ $labels.instance }} keeps apart",
        description="{{ $value | humanize }} samples in an hour are counted under `other`.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionCollectorFailing",
        severity="warning",
        expr=known("attention_sidecar_collector_success") + " == 0",
        wait="5m",
        summary="Metrics of {{ $labels.collector }} are missing on {{ $labels.instance }}",
        description="Panels and alerts that read them are blind.",
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
)
