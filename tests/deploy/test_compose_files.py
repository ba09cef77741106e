"""Every file that the stack mounts, checked by the tool that reads it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar import config
from tests.conftest import Requires
from tests.deploy import composed, grafana_files

PROVISIONING = "/etc/grafana/provisioning"


@pytest.fixture(scope="module")
def services(requires: Requires) -> dict[str, dict[str, Any]]:
    return composed.services(requires("docker-compose"), "cpu")


def flag(service: dict[str, Any], name: str) -> str:
    """The file that an option of a service's command names."""
    command: list[str] = service["command"]
    return next(part for part in command if part.startswith(name)).partition("=")[2]


def check(command: list[Any]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_prometheus(services: dict[str, Any], tmp_path: Path, requires: Requires) -> None:
    service = services["prometheus"]
    place = composed.laid_out(service, tmp_path) / flag(service, "--config.file").strip("/")
    told = check([requires("promtool"), "check", "config", place])
    assert "1 rule files found" in told
    assert "rules found" in told
    hosts = {
        target.partition(":")[0]
        for job in yaml.safe_load(place.read_text())["scrape_configs"]
        for target in job["static_configs"][0]["targets"]
    }
    assert hosts <= {*services, "vllm", "localhost"}


def test_alertmanager(services: dict[str, Any], requires: Requires) -> None:
    service = services["alertmanager"]
    file = composed.mounted(service, flag(service, "--config.file"))
    told = check([requires("amtool"), "check-config", file])
    inhibited = composed.FOLDER.parent.parent / "dashboards/generated/alertmanager"
    rules = yaml.safe_load((inhibited / "inhibit-rules.yaml").read_text())["inhibit_rules"]
    assert f"{len(rules)} inhibit rules" in told


def test_collector(services: dict[str, Any], requires: Requires) -> None:
    service = services["collector"]
    file = composed.mounted(service, flag(service, "--config"))
    check([requires("otelcol"), "validate", f"--config={file}"])


def test_the_daemons_settings(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    service = services["daemon"]
    file = composed.mounted(service, service["environment"]["ATTENTION_CONFIG"])
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    settings = config.load(file=file)
    hosts = [*settings.kafka.bootstrap_servers, settings.otel.endpoint]
    hosts += [str(one) for one in settings.drift.alertmanager]
    names = {str(host).rpartition("/")[2].partition(":")[0] for host in hosts}
    assert names == {"kafka", "collector", "alertmanager"}
    models = composed.mounted(service, "/models/grounded")
    named = [*settings.drift.baseline, *settings.heads.calibrations]
    assert [file for file in named if not (models / file.name).is_file()] == []
    assert len(named) == 2


def test_grafanas_data_sources(services: dict[str, Any]) -> None:
    file = composed.mounted(services["grafana"], f"{PROVISIONING}/datasources/attention.yaml")
    found = grafana_files.Datasources.model_validate(yaml.safe_load(file.read_text()), strict=False)
    hosts = {source.url.host for source in found.datasources}
    assert hosts == {"prometheus", "alertmanager"}
    assert sum(source.isDefault for source in found.datasources) == 1


def test_grafanas_alert_rules_ask_a_source_that_is_there(services: dict[str, Any]) -> None:
    grafana = services["grafana"]
    sources = composed.mounted(grafana, f"{PROVISIONING}/datasources/attention.yaml")
    uids = {source["uid"] for source in yaml.safe_load(sources.read_text())["datasources"]}
    file = composed.mounted(grafana, f"{PROVISIONING}/alerting/attention.yaml")
    asked = {
        query["datasourceUid"]
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        for query in rule["data"]
    }
    assert asked - {"__expr__"} == {"prometheus"}
    assert "prometheus" in uids


def test_grafanas_dashboards(services: dict[str, Any]) -> None:
    grafana = services["grafana"]
    file = composed.mounted(grafana, f"{PROVISIONING}/dashboards/attention.yaml")
    (provider,) = grafana_files.Dashboards.model_validate(
        yaml.safe_load(file.read_text())
    ).providers
    folder = composed.mounted(grafana, provider.options.path)
    uids = {json.loads(board.read_text())["uid"] for board in folder.glob("*.json")}
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider.options.path
    assert home.stem in uids
