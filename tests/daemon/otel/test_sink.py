"""The sink before a real collector: what is sent, as whom, on which trace."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sidecar import schema, signals
from sidecar.config import Metrics, Otel
from sidecar.daemon.sinks.otel import OtelSink
from tests.daemon.otel.collector import Collector
from tests.daemon.synthetic import Tap, batch_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
ID = "chatcmpl-a7-0123abcd"


@contextmanager
def sink(collector: Collector, **settings: Any) -> Iterator[OtelSink]:
    """A started sink, stopped and thereby flushed at the end."""
    port = collector.http if settings.get("protocol") == "http" else collector.grpc
    started = OtelSink(Otel(endpoint=f"http://127.0.0.1:{port}", **settings), Metrics())
    started.start()
    try:
        yield started
    finally:
        started.stop(time.monotonic() + 10)


def row(**changes: Any) -> dict[str, Any]:
    tap = Tap(layers=[0, 1], heads=4, routes=["search"])
    return tap.sample(**{"request_id": ID, "traceparent": SAMPLED, "trace_id": TRACE} | changes)


def send(sink: OtelSink, *rows: dict[str, Any]) -> Any:
    batch = signals.compute(batch_of(list(rows)))
    sink.write(batch)
    return batch


def counted(sink: OtelSink) -> dict[str, float]:
    """Counts that are not 0, by name and label values."""
    samples = [sample for family in sink.collect() for sample in family.samples]
    return {
        " ".join(
            [sample.name.removeprefix("attention_sidecar_otel_"), *sample.labels.values()]
        ): sample.value
        for sample in samples
        if sample.value
    }


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_each_measured_signal_is_an_event_on_the_callers_trace(
    collector: Collector, protocol: str
) -> None:
    with sink(collector, protocol=protocol) as started:
        batch = send(started, row())
    found = {
        event.attributes["gen_ai.evaluation.name"]: event for event in collector.receiver.events()
    }
    measured = {name for name in schema.SIGNAL_NAMES if batch.column(name)[0].as_py() is not None}
    assert set(found) == measured
    for name, event in found.items():
        assert event.raw["eventName"] == "gen_ai.evaluation.result"
        assert (event.raw["traceId"], event.raw["spanId"]) == (TRACE, SPAN)
        assert event.raw["flags"] == 1
        score = event.attributes["gen_ai.evaluation.score.value"]
        assert score == pytest.approx(batch.column(name)[0].as_py(), abs=1e-6)
        assert event.attributes["gen_ai.response.id"] == "chatcmpl-a7"
        assert event.attributes["gen_ai.response.model"] == "demo"
        assert event.attributes["attention.tag.route"] == "search"
        assert event.attributes["attention.samples"] == 1
    assert len({event.attributes["log.record.uid"] for event in found.values()}) == len(found)
    assert counted(started) == {"requests_total stopping": 1, "sent_total events": len(found)}


def test_the_resource_follows_the_conventions_and_the_settings(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=pod-7,host.name=theirs")
    resource = {"deployment.environment.name": "test", "k8s.pod.name": "mine"}
    with sink(collector, resource=resource) as started:
        send(started, row(engine="3"), row(engine="4"))
    found = {
        event.resource["service.instance.id"]: event.resource
        for event in collector.receiver.events()
    }
    assert sorted(name.rpartition("/")[2] for name in found) == ["3", "4"]
    for named in found.values():
        assert named["service.name"] == "attention-sidecar"
        assert named["host.name"] == "theirs"
        assert named["k8s.pod.name"] == "mine"
        assert named["deployment.environment.name"] == "test"
        assert named["telemetry.sdk.language"] == "python"


def test_a_trace_that_is_not_recorded_gets_nothing(collector: Collector) -> None:
    everything = {"outliers": ["entropy_ratio > 0"]}
    with sink(collector, **everything) as started:
        send(started, row(traceparent=UNSAMPLED))
    assert collector.receiver.bodies == []
    assert counted(started) == {"requests_total stopping": 1, "unsampled_requests_total": 1}


def test_without_a_trace_there_are_events_but_no_span(collector: Collector) -> None:
    with sink(collector, outliers=["entropy_ratio > 0"]) as started:
        send(started, row(traceparent=None, trace_id=None))
    events = collector.receiver.events()
    assert events
    assert not any(event.raw.get("traceId") for event in events)
    assert {event.attributes["gen_ai.response.id"] for event in events} == {"chatcmpl-a7"}
    assert collector.receiver.spans() == []


def test_an_outlier_is_a_span_below_the_callers(collector: Collector) -> None:
    conditions = ["sink_share > 1", "entropy_ratio > 0", "context_share < 0"]
    with sink(collector, outliers=conditions, events=False) as started:
        batch = send(started, row(), row())
    [span] = collector.receiver.spans()
    assert (span.raw["name"], span.raw["traceId"]) == ("attention outlier", TRACE)
    assert span.raw["parentSpanId"] == SPAN
    assert span.raw["spanId"] != SPAN
    assert span.attributes["attention.outlier"] == ["entropy_ratio > 0"]
    mean = sum(batch.column("entropy_ratio").to_pylist()) / 2
    assert span.attributes["attention.entropy_ratio"] == pytest.approx(mean, abs=1e-6)
    begin, end = (value * 1000 for value in batch.column("time").cast("int64").to_pylist())
    assert (span.raw["startTimeUnixNano"], span.raw["endTimeUnixNano"]) == (str(begin), str(end))
    assert collector.receiver.events() == []


def test_samples_become_exponential_histograms(collector: Collector) -> None:
    with sink(collector, metrics=True, events=False, tags=["route"]) as started:
        batch = send(started, row(), row(), row(engine="1"))
    found = [m for m in collector.receiver.metrics() if m["name"] == "attention.entropy_ratio"]
    points = [point for metric in found for point in metric["exponentialHistogram"]["dataPoints"]]
    assert sorted(int(point["count"]) for point in points) == [1, 2]
    total = sum(point["sum"] for point in points)
    assert total == pytest.approx(sum(batch.column("entropy_ratio").to_pylist()), abs=1e-5)
    exemplars = [exemplar for point in points for exemplar in point.get("exemplars", [])]
    assert {exemplar["traceId"] for exemplar in exemplars} == {TRACE}


def test_exports_of_histograms_that_wait_together_are_all_sent(collector: Collector) -> None:
    with sink(collector, metrics=True, events=False, metrics_seconds=1e-9) as started:
        for _ in range(3):
            send(started, row())
            started.tick(time.time())
    found = [m for m in collector.receiver.metrics() if m["name"] == "attention.entropy_ratio"]
    points = [metric["exponentialHistogram"]["dataPoints"][0] for metric in found]
    assert [int(point["count"]) for point in points] == [1, 2, 3, 3]
    assert [len(point.get("exemplars", [])) for point in points] == [1, 1, 1, 0]


def test_histograms_bound_their_label_values(collector: Collector) -> None:
    endpoint = f"http://127.0.0.1:{collector.grpc}"
    started = OtelSink(Otel(endpoint=endpoint, metrics=True, events=False), Metrics(label_values=2))
    started.start()
    taps = [Tap(layers=[0], heads=1, routes=[f"route-{number}"]) for number in range(5)]
    send(started, *[tap.sample() for tap in taps])
    started.stop(time.monotonic() + 10)
    [metric] = [m for m in collector.receiver.metrics() if m["name"] == "attention.sink_share"]
    values = {
        attribute["value"]["stringValue"]
        for point in metric["exponentialHistogram"]["dataPoints"]
        for attribute in point["attributes"]
        if attribute["key"] == "attention.tag.route"
    }
    assert values == {"route-0", "route-1", "other"}
