"""One alert's rule and what it reads, put to promtool."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import yaml

from dashboards import generate, runbooks
from dashboards.rules import text
from dashboards.rules.alert import Alert
from dashboards.rules.records import groups
from dashboards.rules.table import GROUPS
from tests.dashboards.cases import Case, Series
from tests.dashboards.promql import selectors

RULES = generate.FOLDER / "prometheus/attention.rules.yaml"
TEMPLATE = re.compile(r"\{\{ \$(labels\.)?(\w+)(?: \| ([^}]+))? \}\}")
Tree = dict[str, Any]


def said(template: str, case: Case) -> str:
    """A template as Prometheus should fill it in."""

    def value(match: re.Match[str]) -> str:
        if match[1]:
            label = case.labels[match[2]]
            return quote_plus(label) if match[3] == "urlquery" else label
        return case.value if match[2] == "value" else case.looked[match[2]]

    return TEMPLATE.sub(value, template)


def expected(alert: Alert, case: Case) -> dict[str, dict[str, str]]:
    words = {"summary": alert.summary, "description": alert.description}
    annotations = words | text.links(alert, runbooks.place(alert.name))
    return {
        "exp_labels": case.labels | text.labels(alert),
        "exp_annotations": {name: said(one, case) for name, one in annotations.items()},
    }


def promtool(
    tool: Path, folder: Path, tests: list[Tree], every: str = "1m", rules: str = ""
) -> None:
    """Run tests, and fail with what promtool says."""
    made, file = folder / "rules.yaml", folder / "test.yaml"
    made.write_text(rules)
    whole = {
        "rule_files": [str(made)] if rules else [],
        "evaluation_interval": every,
        "group_eval_order": [*groups(), *GROUPS],
        "tests": tests,
    }
    file.write_text(yaml.safe_dump(whole))
    done = subprocess.run(
        [tool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def rule(tool: Path, folder: Path, name: str, case: Case, series: Series, **test: Any) -> None:
    """Run a test of one alert's rule on a case's series."""
    promtool(tool, folder, [given(case, series) | test], case.every, rules_of(name))


def given(case: Case, series: Series) -> Tree:
    """The part of a test that says what was scraped."""
    found = [{"series": key, "values": value} for key, value in series.items()]
    return {"interval": case.every, "input_series": found}


@cache
def rules_of(name: str) -> str:
    """The rule of one alert after the records that it reads, which stand before it in the file."""
    tree, read = yaml.safe_load(RULES.read_text()), set[str]()
    for group in reversed(tree["groups"]):
        kept: list[Tree] = []
        for rule in reversed(group["rules"]):
            if rule.get("alert") == name or rule.get("record") in read:
                kept.insert(0, rule)
                read |= {str(one.name) for one in selectors(rule["expr"])}
        group["rules"] = kept
    return yaml.safe_dump(tree)


def told(name: str, case: Case, *found: dict[str, Any]) -> dict[str, Any]:
    """Exactly these alerts at the case's time."""
    test = {"eval_time": case.at, "alertname": name, "exp_alerts": list(found)}
    return {"alert_rule_test": [test]}
