"""What all dashboards have in common, added in one pass when a dashboard is whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.builders import prometheus as queries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.layout import Row, place
from sidecar.grafana import deploys

SCHEMA_VERSION = 41
"""The newest that Grafana 11 to 13 all load."""
TAG = "attention-sidecar"
DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_GRAFANA = DataSourceRef(type_val="grafana", uid="-- Grafana --")
_ALL = model.VariableOption(text="All", value="$__all", selected=True)

Variable = Builder[model.VariableModel]


@dataclass(frozen=True)
class Definition:
    """One dashboard before the shared facts."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = field(default=())
    """Beside datasource, job, instance, model and route."""
    span: str = "now-3h"


def finished(definition: Definition) -> model.Dashboard:
    """The dashboard with its panels in place and everything that all dashboards have."""
    found = (
        dashboard.Dashboard(definition.title)
        .uid(definition.uid).description(definition.description)
        .tags([TAG]).readonly().timezone("browser").refresh("30s").time(definition.span, "now")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables([*_variables(), *definition.variables])
        .annotations([_deploys(), _changes()])
        .links([_siblings()])
    ).build()  # fmt: skip
    found.schema_version = SCHEMA_VERSION
    found.panels = place(definition.rows)
    for number, panel in enumerate(found.panels, 1):
        panel.id_val = number
        if isinstance(panel, model.Panel) and panel.targets:
            panel.datasource = DATASOURCE
            _name_targets(panel)
    return found


def choice(name: str, label: str, metric: str, of: str) -> dashboard.QueryVariable:
    """A variable with the values that a label of a metric has."""
    values = f"label_values({metric}, {of})"
    return (
        dashboard.QueryVariable(name).label(label).datasource(DATASOURCE)
        .query({"query": values, "refId": "StandardVariableQuery"}).definition(values)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True).include_all(True).all_value(".+").current(_ALL)
    )  # fmt: skip


def _variables() -> Iterator[Variable]:
    ours = 'job=~"$job",instance=~"$instance"'
    yield dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield choice("job", "Job", "attention_sidecar_build_info", "job")
    yield choice("instance", "Instance", 'attention_sidecar_build_info{job=~"$job"}', "instance")
    yield choice("model", "Model", f"attention_tap_state{{{ours}}}", "model_name")
    yield choice(
        "route", "Route", f'attention_samples_total{{{ours},model_name=~"$model"}}', "route"
    )


def _deploys() -> Builder[model.AnnotationQuery]:
    target = (
        dashboard.AnnotationTarget().type("tags").tags([deploys.TAG]).limit(100).match_any(False)
    )
    return (
        dashboard.AnnotationQuery().name("Deploys").datasource(_GRAFANA)
        .enable(True).icon_color("blue")
        .target(target)  # type: ignore[arg-type] # the library's own type of this target
    )  # fmt: skip


def _changes() -> Builder[model.AnnotationQuery]:
    """The estimated moment of the change behind each open alert."""
    since = "attention_drift_since_timestamp_seconds"
    chosen = '{job=~"$job",instance=~"$instance",model_name=~"$model",route=~"$route"}'
    target = queries.Dataquery().expr(f"{since}{chosen} * 1000").ref_id("Anno").range()
    return (
        dashboard.AnnotationQuery().name("Estimated change").datasource(DATASOURCE)
        .enable(True).icon_color("red").expr(f"{since}{chosen} * 1000").use_value_for_time(True)
        .title_format("{{route}}: {{signal}} {{direction}}").text_format("{{model_name}}: {{kind}}")
        .target(target)
    )  # fmt: skip


def _siblings() -> Builder[model.DashboardLink]:
    return (
        dashboard.DashboardLink("Attention").type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG]).as_dropdown(True).include_vars(True).keep_time(True)
    )  # fmt: skip


def _name_targets(panel: model.Panel) -> None:
    for letter, target in zip(ascii_uppercase, panel.targets or (), strict=False):
        target.ref_id = letter  # type: ignore[attr-defined]
        target.datasource = DATASOURCE  # type: ignore[attr-defined]
