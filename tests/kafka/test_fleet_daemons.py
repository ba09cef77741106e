"""Two real daemons with taps, a broker, and one monitor of both."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.demo.processes import free_port as another_port
from tests.daemon.drift.test_daemon import Traffic, baseline
from tests.daemon.test_service import Daemon
from tests.kafka.broker import Broker
from tests.kafka.monitor import Topics, monitor
from tests.waiting import eventually

NewTopic = Callable[..., str]


def replica(
    number: int, topics: Topics, folder: Path, port: int, patched: pytest.MonkeyPatch
) -> Daemon:
    place = folder / f"replica-{number}"
    place.mkdir()
    for name in ("SAMPLES", "CONTROL"):
        patched.setenv(f"ATTENTION_WIRE__{name}", f"ipc://{place}/{name.lower()}")
    settings = [
        f"kafka.bootstrap_servers={topics.broker.address}",
        f"kafka.samples_topic={topics.samples}",
        f"kafka.spill_path={place}/spill",
    ]
    return Daemon(place, port, *settings)


def traffic(number: int) -> Traffic:
    found = Traffic(seed=10 + number)
    found.tap.boot, found.tap.engine = f"boot-{number}", str(number)
    return found


@pytest.mark.slow
def test_a_fault_behind_two_daemons_is_one_alert(
    broker: Broker,
    new_topic: NewTopic,
    tmp_path: Path,
    free_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topics = Topics(broker, new_topic(4), new_topic(1))
    daemons = [
        replica(number, topics, tmp_path, another_port(), monkeypatch) for number in range(2)
    ]
    taps = [traffic(number) for number in range(2)]
    try:
        with monitor(topics, tmp_path / "fleet", free_port, frozen=baseline()) as fleet:
            for faulty, requests in ((False, 50), (True, 100)):
                for daemon, tap in zip(daemons, taps, strict=True):
                    daemon.send(tap.message(requests, faulty=faulty))
            eventually(lambda: fleet.watched == 300)
            [alert] = topics.told(1)
            assert (alert.state, alert.route, alert.direction) == ("firing", "search", "drop")
    finally:
        for daemon in daemons:
            daemon.stop()
