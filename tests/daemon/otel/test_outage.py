"""A daemon whose collector is away, dies or is slow: all else goes on, and losses are exact."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sidecar.demo.processes import free_port as any_port
from tests.daemon.otel.collector import Collector, Receiver
from tests.daemon.synthetic import Tap
from tests.daemon.test_service import Daemon
from tests.waiting import eventually

pytestmark = pytest.mark.slow

HASTY = ["otel.idle_seconds=0.5", "otel.timeout_seconds=2", "otel.open_requests=256"]
Start = Callable[..., Daemon]


@pytest.fixture
def start(tmp_path: Path, free_port: int) -> Iterator[Start]:
    started: list[Daemon] = []

    def begin(endpoint: str, *extra: str) -> Daemon:
        settings = [f"otel.endpoint={endpoint}", *HASTY, *extra]
        started.append(Daemon(tmp_path, free_port, *settings))
        return started[0]

    yield begin
    for daemon in started:
        daemon.stop()


class Page:
    """Samples of the metrics page."""

    def __init__(self, daemon: Daemon) -> None:
        self.text = httpx.get(f"{daemon.url}/metrics", timeout=60).text

    def value(self, name: str, **labels: str) -> float:
        """Sum over the samples with these labels."""
        found = 0.0
        for line in self.text.splitlines():
            match = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if match and all(f'{k}="{v}"' in (match[1] or "") for k, v in labels.items()):
                found += float(match[2])
        return found

    def otel(self, name: str, **labels: str) -> float:
        return self.value(f"attention_sidecar_otel_{name}", **labels)


def settled(daemon: Daemon, requests: int) -> Page:
    """The page once all requests have ended and nothing waits for the collector."""

    def over() -> Page | None:
        page = Page(daemon)
        done = page.otel("requests_total") == requests and not page.otel("waiting")
        return page if done else None

    found: Page = eventually(over, 120)
    return found


def sink_of(daemon: Daemon) -> dict[str, Any]:
    sinks = httpx.get(f"{daemon.url}/v1/status", timeout=60).json()["sinks"]
    [found] = [sink for sink in sinks if sink["name"] == "otel"]
    return dict(found)


def is_up(daemon: Daemon) -> bool:
    return Page(daemon).value("attention_sidecar_sink_up", sink="otel") == 1


def load(daemon: Daemon, tap: Tap, requests: int) -> None:
    """One sample of each of ``requests``, ten to a message."""
    for _ in range(requests // 10):
        daemon.send(tap.message(10))


def events_of(requests: int) -> int:
    """The signals that a request of `Tap(layers=[0], heads=1)` has without a calibration."""
    return 9 * requests


def test_a_collector_that_was_never_there_harms_nothing(start: Start) -> None:
    daemon = start(f"http://127.0.0.1:{any_port()}", "otel.queue=512", "otel.metrics=true")
    tap = Tap(layers=[0], heads=1)
    load(daemon, tap, 500)
    eventually(lambda: daemon.has(500) and daemon.has(500, taken_by="archive"))
    eventually(lambda: sink_of(daemon)["state"] == "failing")
    assert "does not take events" in sink_of(daemon)["error"]
    assert not is_up(daemon)
    before = Page(daemon).value("process_resident_memory_bytes")
    load(daemon, tap, 2000)
    eventually(lambda: daemon.has(2500) and daemon.has(2500, taken_by="archive"))
    eventually(lambda: Page(daemon).otel("requests_total") == 2500)
    page = Page(daemon)
    lost = page.otel("dropped_total", kind="events") + page.otel("waiting", kind="events")
    assert lost == events_of(2500)
    assert page.otel("dropped_total", kind="events", reason="queue_full") > 0
    assert page.value("process_resident_memory_bytes") - before < 64e6
    begin = time.monotonic()
    assert daemon.stop() == 0, daemon.log.read_text()
    assert time.monotonic() - begin < 12
    assert daemon.archived() == (2500, 2500)
    assert "Traceback" not in daemon.log.read_text()


def test_an_outage_of_half_a_minute_loses_nothing(collector: Collector, start: Start) -> None:
    daemon = start(f"http://127.0.0.1:{collector.grpc}")
    tap = Tap(layers=[0], heads=1)
    load(daemon, tap, 200)
    eventually(lambda: Page(daemon).otel("sent_total", kind="events") == events_of(200))
    assert is_up(daemon)
    collector.kill()
    load(daemon, tap, 300)
    eventually(lambda: not is_up(daemon))
    time.sleep(25)
    collector.start()
    load(daemon, tap, 100)
    eventually(lambda: is_up(daemon))
    page = settled(daemon, 600)
    assert page.otel("dropped_total") == 0
    assert page.otel("sent_total", kind="events") == events_of(600)
    received = [event.attributes["log.record.uid"] for event in collector.receiver.events()]
    assert len(set(received)) == events_of(600)
    assert sink_of(daemon) == {"name": "otel", "state": "running", "error": ""}
    assert daemon.has(600)


def test_a_slow_collector_loses_what_finds_no_room(collector: Collector, start: Start) -> None:
    collector.receiver.delay = 1.0
    daemon = start(f"http://127.0.0.1:{collector.http}", "otel.protocol=http", "otel.queue=600")
    load(daemon, Tap(layers=[0], heads=1), 600)
    eventually(lambda: daemon.has(600) and daemon.has(600, taken_by="archive"))
    page = settled(daemon, 600)
    sent = page.otel("sent_total", kind="events")
    full = page.otel("dropped_total", kind="events", reason="queue_full")
    assert full > 0
    assert sent + page.otel("dropped_total", kind="events") == events_of(600)
    received = {event.attributes["log.record.uid"] for event in collector.receiver.events()}
    assert len(received) == sent


def test_headers_are_sent_and_shown_nowhere(start: Start) -> None:
    receiver = Receiver()
    secret = 'otel.headers={"Authorization": "Bearer s3cret-t0ken"}'
    daemon = start(f"http://127.0.0.1:{receiver.port}", "otel.protocol=http", secret)
    load(daemon, Tap(layers=[0], heads=1), 10)
    eventually(lambda: receiver.headers)
    assert receiver.headers[0]["authorization"] == "Bearer s3cret-t0ken"
    shown = [httpx.get(daemon.url + path).text for path in ("/v1/status", "/metrics")]
    daemon.stop()
    receiver.close()
    assert "s3cret" not in "".join([*shown, daemon.log.read_text()])


def test_a_certificate_that_is_not_there_is_named(start: Start) -> None:
    daemon = start("https://127.0.0.1:1", "otel.certificate=/nowhere/ca.pem")
    found = eventually(lambda: sink_of(daemon)["error"])
    assert "/nowhere/ca.pem" in found
    assert not is_up(daemon)
    load(daemon, Tap(layers=[0], heads=1), 10)
    eventually(lambda: daemon.has(10))
