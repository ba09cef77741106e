"""For whoever looks after the sidecar: what is lost, what waits, what it costs, what is blind."""

from dashboards import page, sinks, taps, watch
from dashboards import panels as p
from dashboards import queries as q
from dashboards.delivery import BUDGET_LEFT, OBJECTIVE, loss_ratio
from dashboards.layout import Row
from dashboards.shared import Definition
from dashboards.taps import TAP, TAP_LEGEND

_CHOSEN = 'job=~"$job",instance=~"$instance"'


def definition() -> Definition:
    """The dashboard."""
    return Definition(
        uid="attention-health",
        title="Attention: sidecar health",
        description=(
            "The sidecar itself: taps that do not measure, losses by reason, queues, "
            "what it costs, how far archive, Kafka and OpenTelemetry are behind, and whether drift "
            "is watched and told."
        ),
        rows=(
            *(*taps.rows(), _losses(), _queues(), _cost()),
            *(sinks.archive(), sinks.kafka(), sinks.otel(), *watch.rows(), *page.rows()),
        ),
    )


def _losses() -> Row:
    late = q.rate("attention_sidecar_late_samples_total")
    missing = q.rate("attention_sidecar_missing_samples_total")
    return Row(
        title="Losses",
        height=8,
        panels=(
            p.stat(
                "Delivery budget left",
                "Of the samples that may be lost in 30 days (0.1 %), the share that is left, "
                "as the recording rules have it.",
                "percentunit",
                BUDGET_LEFT,
                {0: p.ORANGE, 0.25: p.GREEN},
                base=p.RED,
            ),
            p.timeseries(
                "Share of samples lost",
                "Lost on any way, by samples made. The line is the objective.",
                "percentunit",
                p.query(f"max({loss_ratio(q.RATE, chosen=_CHOSEN)})", "lost"),
                limit=round(1 - OBJECTIVE, 6),
            ),
            p.stacked(
                "Losses by reason",
                "Samples per second: in the tap, between tap and daemon, unreadable or "
                "contradicting themselves, and on the way to a sink.",
                "cps",
                p.query(q.rate("attention_tap_dropped_total", "reason"), "tap: {{reason}}"),
                p.query(f"clamp_min({missing} - {late}, 0)", "missing"),
                p.query(
                    q.rate("attention_sidecar_malformed_samples_total", "reason"),
                    "malformed: {{reason}}",
                ),
                p.query(
                    q.rate("attention_sidecar_internal_errors_total", "type"), "error: {{type}}"
                ),
                p.query(
                    q.rate("attention_sidecar_dropped_samples_total", "sink", "reason"),
                    "{{sink}}: {{reason}}",
                ),
            ),
        ),
        widths=(5, 8, 11),
    )


def _queues() -> Row:
    return Row(
        title="Queues",
        height=7,
        panels=(
            p.timeseries(
                "Waiting in the tap",
                "Samples.",
                "short",
                p.query(q.total("attention_tap_queue_depth", *TAP), TAP_LEGEND),
            ),
            p.timeseries(
                "Waiting for a sink",
                "Batches; daemon.sink_queue is the most, and beyond it the newest is dropped.",
                "short",
                p.query(q.total("attention_sidecar_queue_batches", "sink"), "{{sink}}"),
            ),
            p.timeseries(
                "Sinks that work",
                "1 while a sink works, 0 while it fails; the worst daemon.",
                "short",
                p.query(f"min by (sink) ({q.series('attention_sidecar_sink_up')})", "{{sink}}"),
            ),
            p.timeseries(
                "Written",
                "Samples per second that a sink has taken for good.",
                "cps",
                p.query(q.rate("attention_sidecar_written_samples_total", "sink"), "{{sink}}"),
            ),
        ),
    )


def _cost() -> Row:
    budget = q.series("attention_tap_budget_seconds")
    return Row(
        title="What it costs",
        height=7,
        panels=(
            p.stacked(
                "Tap: share of the engine's thread, by stage",
                "Seconds that the tap spends in each second of the engine.",
                "percentunit",
                p.query(q.rate("attention_tap_seconds_total", "stage"), "{{stage}}"),
            ),
            p.timeseries(
                "Tap: share of its budget used",
                "1 is the budget; near it, fewer requests are sampled.",
                "percentunit",
                p.query(
                    f"{q.rate('attention_tap_seconds_total', *TAP)}"
                    f" / sum by ({', '.join(TAP)}) ({budget} > 0)",
                    TAP_LEGEND,
                ),
            ),
            p.timeseries(
                "Daemon: processor",
                "Cores used.",
                "short",
                p.query(q.of_daemons("rate", "process_cpu_seconds_total"), "{{instance}}"),
            ),
            p.timeseries(
                "Daemon: memory",
                "Resident.",
                "bytes",
                p.query(
                    q.of_daemons("last_over_time", "process_resident_memory_bytes"), "{{instance}}"
                ),
            ),
        ),
    )
