"""For the engineer who asks which layers and heads moved."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row
from dashboards.shared import Definition, choice

LAYER_SIGNALS = {
    "attention_layer_context_share": "Context share",
    "attention_layer_copy_rate": "Copy rate",
    "attention_layer_sink_share": "Sink share",
    "attention_layer_lookback_ratio": "Lookback ratio",
    "attention_layer_entropy_ratio": "Entropy ratio",
    "attention_layer_head_concentration": "Head concentration",
}
HEADS = "attention_head_context_share"
HEADS_OFF = "off: set metrics.per_head"


def definition() -> Definition:
    """The dashboard."""
    return Definition(
        uid="attention-layers",
        title="Attention: layers and heads",
        description=(
            "Each tapped layer's signals over time, over all routes, and its heads where "
            "metrics.per_head is set. Choose one model: layers of several share their numbers."
        ),
        variables=(choice("layer", "Layer", "attention_layer_context_share_count", "layer"),),
        rows=(*_layers(), _changes(), _heads()),
    )


def _layers() -> tuple[Row, ...]:
    drawn = [
        p.heatmap(
            f"{title} by layer",
            "Mean over heads and samples; a row for each layer.",
            p.query(q.mean(name, "layer", layer="~$layer"), "{{layer}}"),
            unit="short",
        )
        for name, title in LAYER_SIGNALS.items()
    ]
    return (
        Row(title="Layers", height=8, panels=tuple(drawn[:3])),
        Row(height=8, panels=tuple(drawn[3:])),
    )


def _changes() -> Row:
    return Row(
        title="What moved",
        height=8,
        panels=tuple(
            p.bars(
                f"{LAYER_SIGNALS[name]}: change since an hour before",
                "Mean of the last 15 minutes less that of the 15 minutes an hour before, by layer. "
                "Lengths may have changed too.",
                "percentunit",
                p.instant(
                    f"{_mean_at(name, '')} - {_mean_at(name, ' offset 1h')}", "layer {{layer}}"
                ),
            )
            for name in (*LAYER_SIGNALS,)[:2]
        ),
    )


def _mean_at(histogram: str, moment: str) -> str:
    parts = (q.series(f"{histogram}_{part}", layer="~$layer") for part in ("sum", "count"))
    return " / ".join(f"sum by (layer) (rate({part}[15m]{moment}))" for part in parts)


def _heads() -> Row:
    mean = q.mean(HEADS, "layer", "head", layer="~$layer")
    columns = {"layer": "layer", "head": "head", "Value": "context share"}
    return Row(
        title="Heads",
        height=9,
        panels=(
            p.heatmap(
                "Context share by head",
                "A row for each head, layer/head. Off unless metrics.per_head is set.",
                p.query(mean, "{{layer}}/{{head}}"),
                unit="short",
                none=HEADS_OFF,
            ),
            p.table(
                "Heads that look at documents most",
                "The ten heads with the largest mean context share at the end of the range.",
                columns,
                p.rows(f"topk(10, {mean})"),
                units={"context share": "percentunit"},
                none=HEADS_OFF,
            ),
        ),
        widths=(16, 8),
    )
