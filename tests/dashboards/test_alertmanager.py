"""A real Alertmanager keeps an alert silent while another explains it."""

import time
from pathlib import Path

import httpx
import pytest
import yaml

from dashboards import generate
from dashboards.rules.table import ALERTS
from tests.conftest import Requires
from tests.dashboards.cases import CASES
from tests.dashboards.services import alertmanager

PAIRS = [(name, source) for name, alert in ALERTS.items() for source in alert.explained_by]
EXPLAINED = {name for name, _ in PAIRS}


@pytest.mark.slow
def test_an_explained_alert_is_inhibited_and_another_is_not(
    requires: Requires, tmp_path: Path
) -> None:
    whole = yaml.safe_load((generate.FOLDER / "alertmanager/inhibit-rules.yaml").read_text())
    whole |= {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    with alertmanager(requires("prometheus-alertmanager"), tmp_path, whole) as address:
        for name, source in PAIRS:
            both = [{"labels": CASES[one].labels | {"alertname": one}} for one in (name, source)]
            other = {
                "labels": dict.fromkeys(CASES[name].labels, f"another {name}") | {"alertname": name}
            }
            httpx.post(f"http://{address}/api/v2/alerts", json=[*both, other]).raise_for_status()
        deadline = time.monotonic() + 30
        while True:
            found = httpx.get(f"http://{address}/api/v2/alerts").raise_for_status().json()
            silent = [one["labels"] for one in found if one["status"]["inhibitedBy"]]
            if len(silent) >= len(EXPLAINED) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
    assert {labels["alertname"] for labels in silent} == EXPLAINED
    assert not [labels for labels in silent if "another" in str(labels)]
