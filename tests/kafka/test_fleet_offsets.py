"""The offsets that count are those in the state, whatever was committed."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sidecar import config
from sidecar.config import Settings
from sidecar.daemon import catalogue
from sidecar.daemon.consumers.fleet import Fleet, watching
from sidecar.daemon.service import Daemon
from tests.daemon.drift.kit import batch, healthy
from tests.drift.kit import baseline
from tests.kafka.broker import Broker
from tests.kafka.monitor import Topics
from tests.kafka.test_fleet import sent
from tests.waiting import eventually

NewTopic = Callable[..., str]
STATE = "drift"


@pytest.fixture
def topics(broker: Broker, new_topic: NewTopic) -> Topics:
    return Topics(broker, new_topic(1), new_topic(1))


def settings(topics: Topics, folder: Path) -> Settings:
    baseline().save(folder / "baseline.json")
    return Settings(
        http=config.Http(port=0),
        kafka=config.Kafka(
            bootstrap_servers=[topics.broker.address],
            samples_topic=topics.samples,
            alerts_topic=topics.alerts,
            spill_path=folder / "spill",
        ),
        drift=config.Drift(
            baseline=[folder / "baseline.json"], state_path=folder / STATE, idle_seconds=0.1
        ),
    )


@contextmanager
def monitor(topics: Topics, folder: Path) -> Iterator[Callable[[str], float]]:
    """A monitor in this process; gives values of its page."""
    running = Daemon(settings(topics, folder), watching(topics.alerts, from_start=True))
    running.start()

    def value(name: str) -> float:
        lines = running.page.render("")[0].decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    try:
        yield value
    finally:
        running.stop()


WATCHED = 'attention_drift_requests_total{outcome="watched"}'
WATCHING = 'attention_sidecar_fleet_state{attention_sidecar_fleet_state="watching"}'
TAKEOVERS = "attention_sidecar_fleet_takeovers_total"


@pytest.mark.slow
def test_what_was_taken_and_never_committed_is_not_taken_again(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(topics.broker, topics.samples, batch(healthy(8)))
    with monkeypatch.context() as patched, monitor(topics, tmp_path) as value:
        patched.setattr(Fleet, "_commit", lambda self, member: None)
        eventually(lambda: value(WATCHED) == 8)
        time.sleep(1.5)
    sent(topics.broker, topics.samples, batch(healthy(3)))
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHED) == 3)
        eventually(lambda: value(WATCHING))
        assert value(TAKEOVERS) == 0
        assert value("attention_sidecar_fleet_duplicate_samples_total") == 0


@pytest.mark.slow
def test_what_was_committed_and_is_not_in_the_state_is_taken_again(
    topics: Topics, tmp_path: Path
) -> None:
    """As after a loss of power, which costs the last seconds of the state."""
    sent(topics.broker, topics.samples, batch(healthy(8)))
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHED) == 8)
    shutil.copytree(tmp_path / STATE, tmp_path / "kept")
    sent(topics.broker, topics.samples, batch(healthy(4)))
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHED) == 4)
    shutil.rmtree(tmp_path / STATE)
    shutil.move(tmp_path / "kept", tmp_path / STATE)
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHED) == 4)
        assert value(TAKEOVERS) == 0


@pytest.mark.slow
def test_without_its_state_a_member_goes_on_where_the_group_was_and_says_so(
    topics: Topics, tmp_path: Path
) -> None:
    sent(topics.broker, topics.samples, batch(healthy(8)))
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHED) == 8)
    shutil.rmtree(tmp_path / STATE)
    sent(topics.broker, topics.samples, batch(healthy(2)))
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHED) == 2)
        assert value(TAKEOVERS) == 1


@pytest.mark.slow
def test_a_disk_that_takes_nothing_keeps_offsets_from_kafka(topics: Topics, tmp_path: Path) -> None:
    up = 'attention_sidecar_sink_up{sink="drift"}'
    with monitor(topics, tmp_path) as value:
        eventually(lambda: value(WATCHING))
        shutil.move(tmp_path / STATE, tmp_path / "away")
        eventually(lambda: value(up) == 0)
        sent(topics.broker, topics.samples, batch(healthy(5)))
        eventually(lambda: value(WATCHED) == 5)
        time.sleep(1.5)
        assert offset(topics) == 0
        shutil.move(tmp_path / "away", tmp_path / STATE)
        eventually(lambda: value(up) == 1)
        sent(topics.broker, topics.samples, batch(healthy(1)))
        eventually(lambda: offset(topics) == 6)


@pytest.mark.slow
def test_the_page_has_what_the_documentation_lists(topics: Topics, tmp_path: Path) -> None:
    described = {metric.name: metric for metric in catalogue.metrics()}
    running = Daemon(settings(topics, tmp_path), watching(topics.alerts, from_start=True))
    running.start()
    try:
        eventually(lambda: running.source.summary()["fleet"]["partitions"] == 1)
        page = running.page.render("")[0].decode()
    finally:
        running.stop()
    families = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(page)
    }
    ours = {name for name in families if name.startswith("attention_sidecar_fleet_")}
    assert ours == {name for name in described if name.startswith("attention_sidecar_fleet_")}
    for name in ours - {"attention_sidecar_fleet_state"}:
        labels = {label for sample in families[name].samples for label in sample.labels}
        assert labels == set(described[name].labels), name
    assert "attention_drift_state" in families
    assert "attention_samples_total" not in families, "replicas publish signals themselves"


def offset(topics: Topics) -> int | None:
    """What the group has committed."""
    from kafka import KafkaConsumer, TopicPartition

    asker = KafkaConsumer(bootstrap_servers=topics.broker.address, group_id=topics.alerts)
    try:
        found: int | None = asker.committed(TopicPartition(topics.samples, 0))
        return found
    finally:
        asker.close(autocommit=False)
