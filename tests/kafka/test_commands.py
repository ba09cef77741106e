"""`tail` and `kafka topics`, as a user runs them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer

from sidecar import cli, schema, signals
from tests.daemon.synthetic import Tap, batch_of
from tests.daemon.test_service import command
from tests.kafka import security
from tests.kafka.broker import CLASS_PATH, Broker
from tests.kafka.kit import records, sink
from tests.waiting import eventually

COMMAND = str(Path(sys.executable).with_name("attention-sidecar"))
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


def test_tail_leaves_out_and_tells_what_is_no_sample(
    broker: Broker, new_topic: NewTopic, tmp_path: Path
) -> None:
    topic = new_topic(1)
    producer = KafkaProducer(bootstrap_servers=broker.address)
    ours = [("schema-version", b"2"), ("content-type", b"application/json")]
    producer.send(topic, b"{}", headers=ours).get(10)
    producer.send(topic, b"gone", headers=[]).get(10)
    producer.close()
    with sink(broker.address, tmp_path, samples_topic=topic) as running:
        running.write(records(2))
    flags = [f"kafka.bootstrap_servers={broker.address}", f"kafka.samples_topic={topic}"]
    options = [part for flag in flags for part in ("--set", flag)]
    done = RUN.invoke(cli.main, ["tail", *options, "--from-start", "--count", "2", "--json"])
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["model_name"] for line in done.stdout.splitlines()] == ["demo"] * 2
    told = done.stderr.splitlines()
    assert told[0].startswith("left out, 1 so far: partition 0, offset 0: Object missing required")
    assert told[1] == "left out, 2 so far: partition 0, offset 1: schema version None, expected 2"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "begun"), [("tail --from-start", " demo "), ("archive from-kafka", "has partitions")]
)
def test_a_broker_that_goes_and_comes_back_is_told_once(
    broker: Broker, new_topic: NewTopic, tmp_path: Path, words: str, begun: str
) -> None:
    topics, log = {"samples_topic": new_topic(1), "archive_topic": new_topic(1)}, tmp_path / "log"
    with sink(broker.address, tmp_path, **topics) as running:
        running.write(records(1))
    flags = [f"kafka.bootstrap_servers={broker.address}", f"archive.path={tmp_path}"]
    flags += [f"kafka.{name}={topic}" for name, topic in topics.items()]
    options = [part for flag in flags for part in ("--set", flag)]
    with log.open("wb") as out:
        process = subprocess.Popen([COMMAND, *words.split(), *options], stdout=out, stderr=out)
    try:
        eventually(lambda: begun in log.read_text())
        broker.kill()
        eventually(lambda: f"the broker at {broker.address} is gone" in log.read_text())
        broker.start()
        eventually(lambda: f"the broker at {broker.address} is back" in log.read_text())
        assert log.read_text().count("is gone") == 1
        broker.kill()
        eventually(lambda: log.read_text().count("is gone") == 2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert "Traceback" not in log.read_text()


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


def printed(*settings: str) -> list[str]:
    options = [part for setting in settings for part in ("--set", setting)]
    options += ["--partitions", "3", "--replicas", "1"]
    return RUN.invoke(cli.main, ["kafka", "topics", *options]).output.splitlines()


def topics_tool(*arguments: str, folder: Path) -> str:
    java = ["java", "-cp", f"{CLASS_PATH}/*", "org.apache.kafka.tools.TopicCommand"]
    return subprocess.check_output([*java, *arguments], cwd=folder, text=True, timeout=60)


@pytest.mark.slow
def test_the_printed_commands_make_the_topics(broker: Broker, tmp_path: Path) -> None:
    lines = printed(f"kafka.bootstrap_servers={broker.address}", "kafka.archive=true")
    assert len(lines) == 3
    for line in lines:
        words = line.split()
        assert words[0] == "kafka-topics.sh"
        topics_tool(*words[1:], folder=tmp_path)
    described = topics_tool("--bootstrap-server", broker.address, "--describe", folder=tmp_path)
    for topic in ("attention.samples", "attention.alerts", "attention.archive"):
        assert f"Topic: {topic}" in described


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_the_printed_properties_let_kafkas_tools_in(
    broker: Broker, tmp_path: Path, mechanism: str
) -> None:
    topic = f"secured-{mechanism}"
    lines = printed(
        f"kafka.bootstrap_servers={broker.secured_address}",
        f"kafka.samples_topic={topic}",
        "kafka.tls=true",
        f"kafka.tls_ca={broker.authority}",
        f"kafka.sasl_mechanism={mechanism}",
        f"kafka.username={security.USER}",
        f"kafka.password={security.PASSWORD}",
    )
    assert security.PASSWORD not in str(lines)
    assert lines[0] == "# client.properties:"
    properties = [line.removeprefix("#").strip() for line in lines[1:] if line.startswith("#")]
    text = "\n".join(properties).replace("PASSWORD", security.PASSWORD)
    (tmp_path / "client.properties").write_text(text)
    words = next(line for line in lines if line.startswith("kafka-topics.sh")).split()
    assert topic in topics_tool(*words[1:], folder=tmp_path)


def test_a_topic_that_nothing_is_sent_to_is_not_made() -> None:
    assert "attention.archive" not in str(printed())
    assert "attention.archive" in str(printed("kafka.archive=true"))


def test_the_schema_is_printed() -> None:
    from tools import schemas

    done = RUN.invoke(cli.main, ["kafka", "schema"])
    assert json.loads(done.output) == json.loads(schemas.FILE.read_text())
