"""Values that cannot work are refused when the chart is rendered, with what would be right."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Requires
from tests.deploy.manifests import chart, refusal

KAFKA = {"bootstrap_servers": ["kafka:9092"]}
CLAIM = {"existingClaim": "archive"}
SECRET = {"existingSecret": "x"}
BASELINES = {"baselines": {"existingConfigMap": "baselines"}}


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        (
            {"archivers": {"enabled": True}, "archive": CLAIM},
            "set settings.kafka.bootstrap_servers",
        ),
        ({"monitor": {"enabled": True, **BASELINES}}, "set settings.kafka.bootstrap_servers"),
        (
            {"archivers": {"enabled": True}, "settings": {"kafka": KAFKA}},
            "set archive.existingClaim",
        ),
        ({"compaction": {"enabled": True}}, "set archive.existingClaim"),
        (
            {
                "archivers": {"enabled": True, "replicas": 7},
                "archive": CLAIM,
                "settings": {"kafka": KAFKA},
            },
            "7 is more than the 6 partitions",
        ),
        (
            {"monitor": {"enabled": True}, "settings": {"kafka": KAFKA}},
            "attention-sidecar baseline build",
        ),
        (
            {
                "monitor": {"enabled": True, **BASELINES},
                "sidecar": BASELINES,
                "settings": {"kafka": KAFKA},
            },
            "set monitor.enabled=false",
        ),
        ({"settings": {"http": {"token": "x"}}}, "credentials.http.existingSecret"),
        ({"settings": {"kafka": {"password": "x"}}}, "credentials.kafka.existingSecret"),
        ({"settings": {"kafka": {"tls_key_password": "x"}}}, "a key without a password"),
        ({"settings": {"otel": {"headers": {"a": "b"}}}}, "credentials.otel.existingSecret"),
        ({"settings": {"wire": {"samples": "tcp://127.0.0.1:1"}}}, "leave it out"),
        ({"settings": {"http": {"host": "127.0.0.1"}}}, "set 0.0.0.0 or ::"),
        ({"settings": {"http": {"host": None}}}, "set 0.0.0.0 or ::"),
        ({"settings": {"kafka": {"spill_path": "/data"}}}, "a folder in /var/lib"),
        ({"settings": {"archive": {"path": "archive"}}}, "a folder in /var/lib"),
        ({"settings": {"archive": {"enabled": True}}}, "enable archivers"),
        ({"rules": {"enabled": True}}, "https://grafana.example.com"),
        ({"commonLabels": {"helm.sh/chart": "x"}}, "commonLabels: helm.sh/chart=x"),
        ({"rules": {"labels": {"app.kubernetes.io/name": "x"}}}, "rules.labels: app"),
        ({"settings": {"drift": {"alertmanager": ["http://u:p@am:9093"]}}}, "without user and"),
        ({"settings": {"otel": {"endpoint": "http://u:p@otel:4317"}}}, "without user and"),
        ({"settings": {"drift": {"baseline": ["a"]}}}, "sidecar.baselines.existingConfigMap"),
        ({"settings": {"kafka": {"tls": True, "tls_ca": "/ca"}}}, "in credentials.kafkaTls"),
        ({"settings": {"kafka": {"tls_certificate": "/tls"}}}, "in credentials.kafkaTls"),
        ({"settings": {"kafka": {"tls_key": "/key"}}}, "in credentials.kafkaTls"),
        ({"settings": {"otel": {"certificate": "/ca"}}}, "in credentials.otel, with its key"),
        ({"credentials": {"otel": {"caKey": "ca"}}}, "set credentials.otel.existingSecret"),
        ({"credentials": {"otel": {**SECRET, "headersKey": ""}}}, "headersKey or caKey"),
        (
            {
                "credentials": {"otel": {**SECRET, "caKey": "ca"}},
                "settings": {"otel": {"endpoint": "http://collector:4317"}},
            },
            'which is "http://collector:4317", to an address that begins with https://',
        ),
        ({"settings": {"heads": {"calibrations": ["a"]}}}, "calibrations.existingConfigMap"),
        ({"settings": {"kafka": {"sasl_mechanism": "PLAIN"}}}, "credentials.kafka.existingSecret"),
        ({"credentials": {"kafka": {"existingSecret": "x"}}}, "settings.kafka.sasl_mechanism"),
        ({"credentials": {"kafkaTls": {"existingSecret": "x"}}}, "set settings.kafka.tls=true"),
        (
            {"sidecar": {"state": {"persistentVolumeClaim": {"claimName": "x"}}}},
            "set sidecar.state.emptyDir=null",
        ),
    ],
)
def test_the_message_names_the_fix(values: dict[str, Any], fix: str, tmp_path: Path) -> None:
    assert fix in refusal(values, tmp_path)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"archiver": {"enabled": True}}, "archiver"),
        ({"archivers": {"replica": 2}}, "replica"),
        ({"archivers": {"replicas": 0}}, "replicas"),
        ({"settings": {"sampling": {"rat": 0.1}}}, "rat"),
        ({"settings": {"sampling": {"rate": 2}}}, "rate"),
        ({"settings": {"sampler": {}}}, "sampler"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"podMonitor": {"interval": "15"}}, "interval"),
        ({"rules": {"grafanaUrl": "grafana.example.com"}}, "grafanaUrl"),
        ({"rules": {"grafanaUrl": "https://u:p@grafana.example.com"}}, "grafanaUrl"),
        ({"compaction": {"schedule": "every hour"}}, "schedule"),
        ({"compaction": {"schedule": "every hour of each single day"}}, "schedule"),
        ({"compaction": {"args": ["--older-then=2"]}}, "args"),
        ({"compaction": {"args": ["--archive=elsewhere"]}}, "args"),
        ({"calibrations": {"keys": []}}, "keys"),
        ({"monitor": {"baselines": {"keys": ["a.json,b.json"]}}}, "keys"),
        ({"sidecar": {"state": {"emptyDir": {"sizeLimit": "4 GB"}}}}, "sizeLimit"),
        ({"settings": {"kafka": {"bootstrap_servers": ["kafka"]}}}, "bootstrap_servers"),
        ({"settings": {"kafka": {"bootstrap_servers": ["kafka:0"]}}}, "bootstrap_servers"),
        ({"settings": {"kafka": {"bootstrap_servers": ["a:9092,b:9093"]}}}, "bootstrap_servers"),
        ({"settings": {"drift": {"alertmanager": ["alertmanager:9093"]}}}, "alertmanager"),
        ({"settings": {"otel": {"endpoint": "collector:4317"}}}, "endpoint"),
        ({"sidecar": {"resources": {"limits": None}}}, "resources"),
    ],
)
def test_the_schema_refuses_what_there_is_not(
    values: dict[str, Any], named: str, tmp_path: Path
) -> None:
    message = refusal(values, tmp_path)
    assert "don't meet the specifications of the schema" in message
    assert named in message


def test_values_of_a_parent_chart_are_taken(tmp_path: Path) -> None:
    assert chart({"global": {"team": "inference"}}, tmp_path)
