"""For the engineer who asks how one route's attention is distributed, and how versions differ."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableOption

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row
from dashboards.shared import Definition

HEATMAPS = {
    "attention_grounding_score": ("Grounding score", "Calibrated heads: share and copying."),
    "attention_context_share": ("Context share", "Mass on documents by mass outside the sink."),
    "attention_copy_rate": ("Copy rate", "Share of heads whose most-attended token is emitted."),
    "attention_entropy_ratio": ("Entropy ratio", "Entropy of the weights by ln(context length)."),
    "attention_head_concentration": ("Head concentration", "Sum of squared weights."),
    "attention_lookback_ratio": ("Lookback ratio", "Weight per prompt token by all per token."),
    "attention_top_document_share": (
        "Top document share",
        "Largest document's share of documents.",
    ),
    "attention_document_entropy": ("Document entropy", "Entropy over documents by ln(documents)."),
    "attention_context_gini": ("Gini of context share", "How unevenly heads look at documents."),
}
VERSIONS = ("model_name", "engine", "instance", "prompt_template", "retriever", "tenant")


def definition() -> Definition:
    """The dashboard."""
    return Definition(
        uid="attention-route",
        title="Attention: route detail",
        description=(
            "Distributions of one route's signals, versions side by side, and what could not be "
            "measured. Choose one route: distributions of several are added up."
        ),
        variables=(_versions(),),
        rows=(*_levels(), *_heatmaps(), _versions_row(), _unmeasured()),
    )


def _versions() -> dashboard.CustomVariable:
    names = [VariableOption(text=name, value=name) for name in VERSIONS]
    return (
        dashboard.CustomVariable("version").label("Compare by")
        .description("A label of the signals; tags are labels where metrics.labels has them.")
        .values(",".join(VERSIONS)).options(names).current(names[0])
    )  # fmt: skip


def _levels() -> tuple[Row, ...]:
    levels = [
        p.timeseries(
            f"{title}: 10th, 50th, 90th percentile",
            "Interpolated within buckets. Points are sampled requests; one opens its trace where "
            "the data source links `trace_id`.",
            "percentunit",
            *(p.query(q.quantile(share, name), f"p{share * 100:.0f}", exemplar=share == 0.5)
              for share in (0.1, 0.5, 0.9)),
        )
        for name, title in (
            ("attention_grounding_score", "Grounding score"),
            ("attention_context_share", "Context share"),
        )
    ]  # fmt: skip
    return (Row(title="Levels", height=8, panels=tuple(levels)),)


def _heatmaps() -> tuple[Row, ...]:
    drawn = [
        p.heatmap(title, f"{meaning} Samples per second, by bucket.", p.cells(q.buckets(name)))
        for name, (title, meaning) in HEATMAPS.items()
    ]
    return (
        Row(title="Distributions", height=7, panels=tuple(drawn[:3])),
        Row(height=7, panels=tuple(drawn[3:6])),
        Row(height=7, panels=tuple(drawn[6:])),
    )


def _versions_row() -> Row:
    return Row(
        title="Versions side by side",
        height=8,
        panels=tuple(
            p.timeseries(
                f"{title} by $version",
                "Mean, a line for each value of the label chosen above. "
                "A difference between checkpoints is not a difference in grounding.",
                unit,
                p.query(expr, "{{$version}}"),
            )
            for title, unit, expr in (
                ("Grounding score", "percentunit", q.mean("attention_grounding_score", "$version")),
                ("Context share", "percentunit", q.mean("attention_context_share", "$version")),
                ("Samples", "cps", q.rate("attention_samples_total", "$version")),
            )
        ),
    )


def _unmeasured() -> Row:
    samples = q.rate("attention_samples_total")
    return Row(
        title="What could not be measured",
        height=7,
        panels=(
            p.timeseries(
                "Share of samples without a signal",
                "By signal. Such samples are in no distribution above.",
                "percentunit",
                p.query(
                    f"{q.rate('attention_unmeasured_total', 'signal')}"
                    f" / on () group_left () {samples}",
                    "{{signal}}",
                ),
            ),
            p.timeseries(
                "Documents: found by method, not found by reason",
                "Per second. What is not found is counted here and never guessed.",
                "cps",
                p.query(
                    q.rate("attention_tap_span_failures_total", "reason"), "not found: {{reason}}"
                ),
                p.query(q.rate("attention_tap_spans_total", "method"), "found: {{method}}"),
            ),
        ),
    )
