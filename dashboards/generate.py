"""The files that are committed: made from the code, and compared with it."""

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import yaml

from tools.generated import keep

with warnings.catch_warnings():
    # Grafana's library would have everybody move to schema v2, which Grafana 11 does not load.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    from dashboards import alert, health, layers, overview, route, runbooks, shared
    from dashboards.rules import grafana, prometheus

FOLDER = Path(__file__).with_name("generated")
CHART = FOLDER.parent.parent / "helm/attention-sidecar/files"
"""Copies for the chart, which can read nothing outside its own folder."""
DEFINITIONS = (
    overview.definition,
    alert.definition,
    route.definition,
    layers.definition,
    health.definition,
    runbooks.definition,
)
TREES = {
    "prometheus/attention.rules.yaml": prometheus.rules,
    "prometheus/prometheusrule.yaml": prometheus.kubernetes,
    "alertmanager/inhibit-rules.yaml": prometheus.inhibition,
    "grafana/alerting/attention.yaml": grafana.provisioning,
}


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file with what it should hold."""
    for definition in DEFINITIONS:
        built = shared.finished(definition())
        text = json.dumps(built, cls=JSONEncoder, indent=2, sort_keys=True)
        for folder in (FOLDER, CHART):
            yield folder / "dashboards" / f"{built.uid}.json", f"{text}\n"
    for name, tree in TREES.items():
        yield FOLDER / name, _yaml(tree())
    yield CHART / "attention.rules.yaml", _yaml(prometheus.rules())


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only name those that are stale."""
    wanted = dict(files())
    present = [path for folder in (FOLDER, CHART) for path in folder.rglob("*") if path.is_file()]
    surplus = [path for path in present if path not in wanted]
    for path in surplus:
        if "--check" in arguments:
            print(f"{path}: surplus; `make fix` removes it", file=sys.stderr)
        else:
            path.unlink()
    return keep(wanted.items(), arguments) or int(bool(surplus) and "--check" in arguments)


def _yaml(tree: prometheus.Tree) -> str:
    return yaml.safe_dump(tree, sort_keys=False, width=10_000)
