"""Rows of the health dashboard: how far each sink is."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row


def archive() -> Row:
    """What is stored, and what waits."""
    return Row(
        title="Archive",
        height=6,
        panels=(
            p.timeseries(
                "Stored",
                "Samples per second.",
                "cps",
                p.query(q.rate("attention_sidecar_archive_rows_total", "instance"), "{{instance}}"),
            ),
            p.timeseries(
                "Behind",
                "Samples that the daemon received and the archive has not stored, since the start "
                "of the range.",
                "short",
                p.query(
                    f"clamp_min({_since('attention_sidecar_samples_received_total')}"
                    f" - {_since('attention_sidecar_archive_rows_total')}, 0)",
                    "behind",
                ),
            ),
            p.timeseries(
                "Refused by the disk, files that wait",
                q.OVERLAP,
                "short",
                p.query(q.growth("attention_sidecar_archive_refused_rows_total"), "refused rows"),
                p.query(
                    q.growth("attention_sidecar_archive_staging_failures_total"), "files that wait"
                ),
                p.query(
                    q.growth("attention_sidecar_archive_recovery_failures_total"),
                    "journals not recovered",
                ),
            ),
        ),
    )


def _since(name: str) -> str:
    return f"sum(increase({q.series(name)}[$__range]))"


def kafka() -> Row:
    """Topics, and what brokers have not acknowledged."""
    running = q.series("attention_sidecar_kafka_state", attention_sidecar_kafka_state="running")
    return Row(
        title="Kafka, where it is set",
        height=6,
        panels=(
            p.timeseries(
                "Topics that run",
                "1 while brokers acknowledge, 0 while they are away, stalled or lack the topic.",
                "short",
                p.query(f"min by (topic) ({running})", "{{topic}}"),
            ),
            p.timeseries(
                "Not yet acknowledged",
                "Samples.",
                "short",
                p.query(q.total("attention_sidecar_kafka_waiting_samples", "topic"), "{{topic}}"),
            ),
            p.timeseries(
                "Spill on disk",
                "What waits on disk while brokers are away.",
                "bytes",
                p.query(q.total("attention_sidecar_kafka_spill_bytes", "topic"), "{{topic}}"),
            ),
            p.timeseries(
                "Lost, by reason",
                "Samples per second.",
                "cps",
                p.query(
                    q.rate("attention_sidecar_kafka_lost_samples_total", "topic", "reason"),
                    "{{topic}}: {{reason}}",
                ),
            ),
        ),
    )


def otel() -> Row:
    """What the collector took, and what it did not."""
    return Row(
        title="OpenTelemetry, where it is set",
        height=6,
        panels=(
            p.timeseries(
                "Sent, by kind",
                "Events, spans and exports that the collector took, per second.",
                "cps",
                p.query(q.rate("attention_sidecar_otel_sent_total", "kind"), "{{kind}}"),
            ),
            p.timeseries(
                "Waiting, by kind",
                "For the collector.",
                "short",
                p.query(q.total("attention_sidecar_otel_waiting", "kind"), "{{kind}}"),
            ),
            p.timeseries(
                "Dropped, by reason",
                "Per second.",
                "cps",
                p.query(
                    q.rate("attention_sidecar_otel_dropped_total", "kind", "reason"),
                    "{{kind}}: {{reason}}",
                ),
            ),
        ),
    )
