"""Panels of each kind, as all dashboards draw them."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus
from grafana_foundation_sdk.builders import heatmap as heatmaps
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import statetimeline as timelines
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders import timeseries as lines
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_kinds
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards import options as o

UNMEASURED = "not measured"
DARK, GREY, GREEN, YELLOW = "#4c5157", "#7f8790", "green", "yellow"
ORANGE, RED, PURPLE = "orange", "red", "purple"

_FIXED = dashboard.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(GREY)
_BY_NAME = dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)

Panel = Builder[model.Panel]
Query = prometheus.Dataquery


def query(expr: str, legend: str = "", *, exemplar: bool = False) -> Query:
    """A range query."""
    return Query().expr(expr).legend_format(legend).exemplar(exemplar).range()


def instant(expr: str, legend: str = "") -> Query:
    """What holds at the end of the range."""
    return Query().expr(expr).legend_format(legend).instant()


def rows(expr: str) -> Query:
    """What holds at the end of the range, with its labels as columns."""
    return instant(expr).format(PromQueryFormat.TABLE)


def cells(expr: str) -> Query:
    """Buckets of a histogram."""
    return query(expr, "{{le}}").format(PromQueryFormat.HEATMAP)


def timeseries(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    limit: float | None = None,
    none: str = UNMEASURED,
) -> lines.Panel:
    """Lines over time; above ``limit``, where there is one, the background is red."""
    panel = (
        lines.Panel().title(title).description(description).unit(unit).no_value(none)
        .color_scheme(_BY_NAME).line_width(2).fill_opacity(0).show_points(kinds.VisibilityMode.NEVER)
        .legend(o.legend()).tooltip(o.tooltip())
    )  # fmt: skip
    if limit is not None:
        style = common.GraphThresholdsStyleConfig().mode(
            kinds.GraphThresholdsStyleMode.LINE_AND_AREA
        )
        panel.thresholds(o.steps({limit: RED}, base="transparent")).thresholds_style(style)
    return panel.targets(list(queries))


def stacked(title: str, description: str, unit: str, *queries: Query) -> lines.Panel:
    """Areas on top of each other."""
    stack = common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A")
    return timeseries(title, description, unit, *queries).fill_opacity(30).stacking(stack)


def dashed(panel: lines.Panel, pattern: str) -> lines.Panel:
    """Draws series whose name matches thin and dashed."""
    changes = {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}, "custom.lineWidth": 1}
    return panel.override_by_regexp(pattern, o.properties(changes))


def logarithmic(panel: lines.Panel) -> lines.Panel:
    """Draws the values on a logarithmic scale."""
    scale = common.ScaleDistributionConfig().type(kinds.ScaleDistribution.LOG).log(10)
    return panel.scale_distribution(scale)


def stat(
    title: str,
    description: str,
    unit: str,
    expr: str,
    levels: Mapping[float, str],
    *,
    base: str = GREEN,
    none: str = UNMEASURED,
) -> stats.Panel:
    """A number on the colour of ``levels`` from a value on, or of ``base``; ``none`` on grey."""
    return (
        stats.Panel().title(title).description(description).unit(unit).no_value(none)
        .mappings([o.without_value(none, GREY)])
        .thresholds(o.steps(levels, base=base))
        .graph_mode(kinds.BigValueGraphMode.NONE)
        .color_mode(kinds.BigValueColorMode.BACKGROUND)
        .reduce_options(o.last())
        .with_target(instant(expr))
    )  # fmt: skip


def timeline(
    title: str, description: str, states: Mapping[str, str], target: Query
) -> timelines.Panel:
    """A bar for each series; a value is the place of its state in ``states``: name → colour."""
    named = {
        str(number): model.ValueMappingResult(
            text=name.replace("_", " "), color=color, index=number
        )
        for number, (name, color) in enumerate(states.items())
    }
    levels = dict(enumerate(states.values()))
    return (
        timelines.Panel().title(title).description(description).unit("short").no_value(UNMEASURED)
        .mappings([model.ValueMap(options=named)])
        .color_scheme(_FIXED)  # the colours are the states'; with other modes there is no legend
        .thresholds(o.steps({k: v for k, v in levels.items() if k}, base=levels[0]))
        .show_value(kinds.VisibilityMode.NEVER).merge_values(True).row_height(0.85)
        .fill_opacity(85).legend(o.legend()).tooltip(o.tooltip())
        .with_target(target)
    )  # fmt: skip


def heatmap(
    title: str,
    description: str,
    target: Query,
    *,
    unit: str = "percentunit",
    none: str = UNMEASURED,
) -> Panel:
    """Observations by bucket over time; dark is few."""
    colors = (
        heatmaps.HeatmapColorOptions()
        .mode(heatmap_kinds.HeatmapColorMode.SCHEME).scheme("Viridis").steps(64)
        .scale(heatmap_kinds.HeatmapColorScale.EXPONENTIAL).exponent(0.5)
    )  # fmt: skip
    return (
        heatmaps.Panel().title(title).description(description).unit("short").no_value(none)
        .color(colors).cell_gap(0).y_axis(heatmaps.YAxisConfig().unit(unit))
        .with_target(target)
    )  # fmt: skip


def bars(title: str, description: str, unit: str, target: Query) -> bargauge.Panel:
    """A bar for each series, as it is at the end of the range."""
    return (
        bargauge.Panel().title(title).description(description).unit(unit).no_value(UNMEASURED)
        .mappings([o.without_value(UNMEASURED, GREY)])
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .display_mode(kinds.BarGaugeDisplayMode.BASIC)
        .thresholds(o.steps({}, base="blue"))
        .reduce_options(o.last())
        .with_target(target)
    )  # fmt: skip


def table(
    title: str,
    description: str,
    columns: Mapping[str, str],
    *queries: Query,
    units: Mapping[str, str] | None = None,
    none: str = UNMEASURED,
) -> tables.Panel:
    """Labels and values side by side; ``columns`` renames and orders them, the rest is hidden.

    With several queries, the value of the first is ``Value #A``, and so on.
    """
    shown = {"include": {"names": [*columns]}}
    order = {name: place for place, name in enumerate(columns)}
    panel = (
        tables.Panel().title(title).description(description).unit("short").no_value(none)
        .targets(list(queries))
        .with_transformation(o.transformation("merge", {}))
        .with_transformation(o.transformation("filterFieldsByName", shown))
        .with_transformation(
            o.transformation("organize", {"renameByName": dict(columns), "indexByName": order})
        )
    )  # fmt: skip
    for name, unit in (units or {}).items():
        panel.override_by_name(name, o.properties({"unit": unit}))
    return panel


def linked(panel: tables.Panel, column: str, title: str, url: str) -> tables.Panel:
    """Makes the cells of a column lead somewhere."""
    return panel.override_by_name(column, o.properties({"links": [{"title": title, "url": url}]}))
