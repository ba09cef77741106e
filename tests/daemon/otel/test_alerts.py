"""An alert of drift as an event at a real collector."""

import time
from pathlib import Path

import pytest

from sidecar.config import Metrics, Otel
from sidecar.daemon.sinks.base import AlertTarget, Retryable
from sidecar.daemon.sinks.otel import OtelSink
from tests.daemon.drift.kit import faulty, healthy, running
from tests.daemon.otel.collector import Collector


def test_an_alert_is_an_event_when_it_is_raised_and_when_it_is_over(
    collector: Collector, tmp_path: Path
) -> None:
    endpoint = f"http://127.0.0.1:{collector.grpc}"
    sending = OtelSink(Otel(endpoint=endpoint, events=False), Metrics())
    assert isinstance(sending, AlertTarget)
    with running(tmp_path, links={"runbook": "https://wiki/{route}"}) as started:
        started.feed(faulty(300))
        started.feed(healthy(800))
        told = started.listener.alerts
    with pytest.raises(Retryable):
        sending.tell(told[0])
    sending.start()
    for alert in told:
        sending.tell(alert)
    sending.stop(time.monotonic() + 30)
    first, last = collector.receiver.events()
    for event, alert in zip((first, last), told, strict=True):
        assert event.raw["eventName"] == "attention.drift.alert"
        assert "traceId" not in event.raw or not event.raw["traceId"]
        assert event.attributes["attention.drift.id"] == alert.id
        assert event.attributes["attention.drift.state"] == alert.state
        assert event.attributes["attention.drift.deviations"] == pytest.approx(alert.deviations)
        assert event.attributes["attention.drift.link.runbook"] == "https://wiki/rag"
        assert event.attributes["gen_ai.response.model"] == "m"
        assert event.attributes["attention.tag.route"] == "rag"
    assert (first.raw["severityNumber"], last.raw["severityNumber"]) == (13, 9)
    assert first.attributes["log.record.uid"] != last.attributes["log.record.uid"]
