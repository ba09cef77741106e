"""The profile `cpu` as processes: every program that can be had here, on the stack's own files."""

import json
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
import zmq

from sidecar import wire
from tests.conftest import Requires, skip
from tests.deploy import composed
from tests.deploy.dockerfile import read
from tests.deploy.stack import Stack, lacking
from tests.kafka import broker
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.timeout(1200)]

JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-cp", f"{broker.CLASS_PATH}/*"]
PROPERTIES = "/mnt/shared/config/server.properties"
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
IMAGE = read(composed.FOLDER.parent / "images/daemon.Dockerfile")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
ASK = """
import json, sys, urllib.request as u
body = {"model": "demo", "messages": [{"role": "user", "content": sys.argv[1]}], "max_tokens": 8,
        "attention": {"documents": [{"id": "a", "text": sys.argv[1]}], "tags": {"route": "shop"}}}
request = u.Request("http://vllm:8000/v1/chat/completions", json.dumps(body).encode(),
                    {"content-type": "application/json"})
print(u.urlopen(request, timeout=120).read().decode())
"""


@pytest.fixture(scope="module")
def services(requires: Requires) -> dict[str, dict[str, Any]]:
    return composed.services(requires("docker-compose"), "cpu")


@pytest.fixture(scope="module")
def stack(
    services: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, requires: Requires
) -> Iterator[Stack]:
    """All services save Grafana, started in the order that Compose keeps."""
    if lack := lacking() or broker.lacking():
        skip(lack)
    folder = tmp_path_factory.mktemp("stack")
    with Stack(services, folder, {"/opt/kafka/bin/kafka-topics.sh": topics_tool(folder)}) as made:
        start(made, requires)
        yield made


def topics_tool(folder: Path) -> Path:
    """Kafka's own tool, where its image has it."""
    tool = folder / "kafka-topics.sh"
    tool.write_text(
        f'#!/bin/sh\nexec {shlex.join(JAVA)} org.apache.kafka.tools.TopicCommand "$@"\n'
    )
    tool.chmod(0o755)
    return tool


def start(stack: Stack, requires: Requires) -> None:
    format_disk = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", PROPERTIES]
    stack.run("kafka", [*JAVA, *format_disk])
    stack.start("kafka", [*JAVA, "kafka.Kafka", PROPERTIES])
    stack.start("alertmanager", [requires("prometheus-alertmanager")])
    stack.start("collector", [requires("otelcol")])
    stack.start("prometheus", [requires("prometheus")])
    stack.start("objects", [requires("versitygw")])
    sidecar = requires("attention-sidecar")
    stack.start("daemon", [sidecar, *IMAGE.command], **IMAGE.environment)
    stack.await_health("daemon")
    vllm = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model"]
    stack.start("vllm-cpu", vllm, **IMAGE.environment, **ONE_THREAD)
    stack.await_health("kafka", "objects", "prometheus", "alertmanager")
    requires("rclone")
    stack.start("upload", ["sh", "/etc/attention-sidecar/upload.sh"], PAUSE="1")
    stack.run("topics", ["sh", "/etc/attention-sidecar/topics.sh"])
    stack.await_health("vllm-cpu", seconds=600)


@pytest.fixture(scope="module")
def asked(stack: Stack) -> Stack:
    """A few questions with a document have been answered."""
    eventually(lambda: tap(stack).get("state") == "active")
    for number in range(3):
        text = f"The price of the lamp is {number} crowns."
        stack.run("vllm-cpu", [sys.executable, "-c", ASK, text])
    return stack


def tap(stack: Stack) -> dict[str, Any]:
    taps = stack.get("http://daemon:9464/v1/status")["taps"]
    return dict(taps[0]) if taps else {}


def test_prometheus_scrapes_every_target_and_has_the_rules(stack: Stack) -> None:
    def up() -> bool:
        targets = stack.get("http://prometheus:9090/api/v1/targets")["data"]["activeTargets"]
        jobs = {target["labels"]["job"]: target["health"] for target in targets}
        wanted = {"attention-sidecar", "vllm", "prometheus", "alertmanager"}
        return jobs == dict.fromkeys(wanted, "up")

    eventually(up, 90)
    groups = stack.get("http://prometheus:9090/api/v1/rules")["data"]["groups"]
    file = composed.FOLDER.parent.parent / "dashboards/generated/prometheus/attention.rules.yaml"
    written = yaml.safe_load(file.read_text())["groups"]
    assert {group["name"]: len(group["rules"]) for group in groups} == {
        group["name"]: len(group["rules"]) for group in written
    }


def test_a_sample_of_the_engine_is_in_kafka(asked: Stack) -> None:
    command = ["attention-sidecar", "tail", "--from-start", "--count", "1", "--json"]
    sample = json.loads(asked.run("daemon", command))
    assert sample["model_name"] == "demo"
    assert sample["model_revision"] == "grounded-ffb6be340563"
    assert sample["route"] == "shop"
    assert sample["grounding_score"] is not None
    assert sample["documents_found"] == 1


def test_the_collector_gets_the_requests_events(asked: Stack) -> None:
    eventually(lambda: "gen_ai.evaluation.result" in asked.log("collector"))


def test_the_archive_is_in_the_object_storage(asked: Stack) -> None:
    token = composed.SECRETS["SIDECAR_TOKEN"]
    asked.run("daemon", ["attention-sidecar", "archive", "flush"], ATTENTION_HTTP__TOKEN=token)
    stored = ["rclone", "lsf", "-R", "--files-only", "objects:"]
    eventually(lambda: ".parquet" in asked.run("upload", stored))
    files = asked.run("upload", stored).split()
    assert [file for file in files if not file.startswith("attention/date=")] == []


def test_drift_is_watched_with_the_bundled_models_baseline(asked: Stack) -> None:
    status = asked.get("http://daemon:9464/v1/status")
    assert status["drift"]
    states = {sink["name"]: sink["state"] for sink in status["sinks"]}
    assert states == dict.fromkeys(("archive", "drift", "kafka", "otel", "prometheus"), "running")


def test_an_alert_arrives_at_the_alertmanager(stack: Stack) -> None:
    """What is no sample is counted; Prometheus sees the count grow, and tells."""
    address = f"ipc://{stack.volume('sockets')}/samples"
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(address)
        for sent in (1, 2):
            socket.send_multipart([wire.SAMPLES, b"no sample"])
            eventually(partial(scraped, stack, sent), 120)
    alerts = "http://alertmanager:9093/api/v2/alerts"
    eventually(lambda: "AttentionMalformed" in alert_names(stack.get(alerts)), 120)


def scraped(stack: Stack, malformed: int) -> bool:
    """Whether Prometheus knows of so many."""
    query = "query?query=sum(attention_sidecar_malformed_messages_total)"
    found = stack.get(f"http://prometheus:9090/api/v1/{query}")["data"]["result"]
    return bool(found) and float(found[0]["value"][1]) >= malformed


def alert_names(alerts: list[dict[str, Any]]) -> set[str]:
    return {alert["labels"]["alertname"] for alert in alerts}
