"""`tail` and `kafka topics`, as a user runs them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar import cli, schema, signals
from tests.daemon.synthetic import Tap, batch_of
from tests.daemon.test_service import command
from tests.kafka.broker import CLASS_PATH, Broker
from tests.kafka.kit import sink

NewTopic = Callable[..., str]
RUN = CliRunner()


def tail(broker: Broker, topic: str, *options: str) -> list[str]:
    flags = ["--set", f"kafka.bootstrap_servers={broker.address}"]
    flags += ["--set", f"kafka.samples_topic={topic}", "--from-start"]
    done = RUN.invoke(cli.main, ["tail", *flags, *options])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


@pytest.fixture(params=["json", "avro", "framed"])
def samples(
    request: pytest.FixtureRequest, broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> str:
    """A topic with twelve samples; the last is of another model and has no documents."""
    topic = new_topic()
    tap = Tap(layers=[0], heads=2)
    other = Tap(layers=[0], heads=2, documents=0, model="other", boot="o", routes=["search"])
    batch = signals.compute(batch_of([*(tap.sample() for _ in range(11)), other.sample()]))
    form = (
        {"format": request.param}
        if request.param != "framed"
        else {"format": "avro", "schema_id": 7}
    )
    with sink(broker.address, tmp_path, samples_topic=topic, **form) as running:
        running.write(batch)
    return topic


def test_tail_filters_by_route_model_and_threshold(broker: Broker, samples: str) -> None:
    lines = tail(broker, samples, "--count", "12")
    assert len(lines) == 12
    assert all(" demo " in line or " other " in line for line in lines)
    assert len(tail(broker, samples, "--route", "search", "--count", "5")) == 5
    [other] = tail(broker, samples, "--model", "other", "--count", "1")
    assert "context_share" not in other, "what is not measured is not shown"
    [row] = map(
        json.loads, tail(broker, samples, "--above", "context_share=0.0", "--json", "--count", "1")
    )
    assert list(row) == schema.SCALAR_RECORD.names
    low = tail(broker, samples, "--below", "context_share=1.1", "--count", "11")
    assert not [line for line in low if " other " in line]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--below", "contextshare=1"], "'contextshare' is none of the signals"),
        (["--below", "context_share=low"], "should be SIGNAL=NUMBER"),
    ],
)
def test_a_wrong_threshold_is_told(options: list[str], told: str) -> None:
    done = RUN.invoke(cli.main, ["tail", *options])
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize("words", [["tail"], ["archive", "from-kafka"], ["drift", "from-kafka"]])
def test_commands_want_a_broker(words: list[str]) -> None:
    done = RUN.invoke(cli.main, words)
    assert done.exit_code == 1
    assert "kafka.bootstrap_servers: should name a broker" in done.output


def test_a_monitor_wants_a_baseline_that_can_be_used(tmp_path: Path) -> None:
    broker = ["--set", "kafka.bootstrap_servers=127.0.0.1:1"]
    done = RUN.invoke(cli.main, ["drift", "from-kafka", *broker])
    assert done.exit_code == 1
    assert done.output == "Error: drift.baseline: should name a file, is empty\n"
    absent = command(
        "drift", "from-kafka", *broker, "--set", f"drift.baseline={tmp_path / 'absent.json'}"
    )
    assert absent.returncode == 1
    assert "cannot start: drift.baseline: " in absent.stderr
    assert "Traceback" not in absent.stderr


def test_a_missing_topic_is_a_line(broker: Broker) -> None:
    flags = [
        "--set",
        f"kafka.bootstrap_servers={broker.address}",
        "--set",
        "kafka.samples_topic=no",
    ]
    done = RUN.invoke(cli.main, ["tail", *flags])
    assert done.exit_code == 1
    assert done.output == "Error: topic 'no' is missing: see `attention-sidecar kafka topics`\n"


@pytest.mark.slow
def test_the_printed_commands_make_the_topics(broker: Broker) -> None:
    flags = ["--set", f"kafka.bootstrap_servers={broker.address}"]
    done = RUN.invoke(cli.main, ["kafka", "topics", *flags, "--partitions", "3", "--replicas", "1"])
    lines = done.output.splitlines()
    assert len(lines) == 3
    for line in lines:
        words = line.split()
        assert words[0] == "kafka-topics.sh"
        java = ["java", "-cp", f"{CLASS_PATH}/*", "org.apache.kafka.tools.TopicCommand"]
        subprocess.run([*java, *words[1:]], check=True, capture_output=True, timeout=60)
    described = subprocess.check_output(
        [*java, "--bootstrap-server", broker.address, "--describe"], text=True
    )
    for topic in ("attention.samples", "attention.alerts", "attention.archive"):
        assert f"Topic: {topic}" in described


def test_secured_brokers_need_a_properties_file() -> None:
    done = RUN.invoke(cli.main, ["kafka", "topics", "--set", "kafka.tls=true"])
    assert "--command-config client.properties" in done.output


def test_the_schema_is_printed() -> None:
    from tools import schemas

    done = RUN.invoke(cli.main, ["kafka", "schema"])
    assert json.loads(done.output) == json.loads(schemas.FILE.read_text())
