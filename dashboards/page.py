"""Rows of the health dashboard: whether daemons answer, and what their page cannot tell apart."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row
from dashboards.rules.records import DAEMON, MEMORY


def rows() -> tuple[Row, Row]:
    """The page itself, and what came that it cannot say."""
    return _answers(), _unreadable()


def _daemons_up() -> str:
    """Whether a scrape succeeds, of the daemons that the range or a record knows."""
    lately = f"last_over_time({q.series('attention_sidecar_build_info')}[$__range])"
    known = f"last_over_time({q.series(DAEMON)}[{MEMORY}])"
    return f"min by (instance) ({q.series('up')} and on (job, instance) ({lately} or {known}))"


def _answers() -> Row:
    return Row(
        title="The daemon's own page, and what it cannot tell apart",
        height=6,
        panels=(
            p.timeseries(
                "Daemons that answer",
                "1 while Prometheus can scrape the daemon, 0 while it cannot; of those that the "
                "range or, with the recording rules, the last 30 days know.",
                "short",
                p.query(_daemons_up(), "{{instance}}"),
            ),
            p.timeseries(
                "Collectors that work",
                "1 while a collector's metrics are on the page, else 0; the worst daemon.",
                "short",
                p.query(
                    f"min by (collector) ({q.series('attention_sidecar_collector_success')})",
                    "{{collector}}",
                ),
            ),
            p.timeseries(
                "Time to make the page, by collector",
                "Seconds of the last scrape.",
                "s",
                p.query(
                    f"max by (collector) ({q.series('attention_sidecar_collector_seconds')})",
                    "{{collector}}",
                ),
            ),
        ),
    )


def _unreadable() -> Row:
    unreadable = q.rate("attention_sidecar_malformed_messages_total", "reason")
    return Row(
        height=6,
        panels=(
            p.timeseries(
                "Counted under `other`",
                "Samples, or values of layers and heads, without room of their own, per second.",
                "cps",
                p.query(q.rate("attention_sidecar_label_overflow_total", "label"), "{{label}}"),
            ),
            p.timeseries(
                "Messages that could not be read",
                "Per second, by reason; `version` and `schema` mean a tap of another version.",
                "cps",
                p.query(unreadable, "{{reason}}"),
            ),
            p.timeseries(
                "Clock skew",
                "The daemon's clock less the tap's, transport included.",
                "s",
                p.query(
                    f"max by (model_name, engine) ({q.series('attention_tap_clock_skew_seconds')})",
                    "{{model_name}} {{engine}}",
                ),
            ),
        ),
    )
