"""A caller's trace through a real vLLM and a real daemon to a real collector."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Requires
from tests.daemon.otel.collector import Collector, Item, running
from tests.engine import server
from tests.waiting import eventually

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "zanzibar-plum-7741"
TEXT = f"The price of the Aldora lamp is 42 crowns, and {SECRET} is the secret word."
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module")
def collector(requires: Requires, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with running(requires("otelcol"), tmp_path_factory.mktemp("otelcol")) as started:
        yield started


@pytest.fixture(scope="module")
def traced(
    collector: Collector, model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[server.Server]:
    """A vLLM that sends its own spans to the collector."""
    endpoint = f"http://127.0.0.1:{collector.grpc}"
    folder = tmp_path_factory.mktemp("vllm")
    options = ("--otlp-traces-endpoint", endpoint)
    baggage = {"ATTENTION_ENGINE__BAGGAGE": '["tenant"]'}
    with server.serve(model_dir, folder, *options, **baggage) as started:
        yield started


@pytest.fixture
def daemon(traced: server.Server, collector: Collector, tmp_path: Path) -> Iterator[server.Daemon]:
    settings = {
        "ATTENTION_OTEL__ENDPOINT": f"http://127.0.0.1:{collector.grpc}",
        "ATTENTION_OTEL__IDLE_SECONDS": "2",
        "ATTENTION_OTEL__METRICS": "true",
        "ATTENTION_OTEL__METRICS_SECONDS": "1",
        "ATTENTION_OTEL__OUTLIERS": '["entropy_ratio > 0"]',
        "ATTENTION_OTEL__TAGS": '["route", "tenant"]',
        "ATTENTION_DAEMON__LOG_LEVEL": "debug",
    }
    with server.daemon(traced, tmp_path, **settings) as started:
        eventually(lambda: started.status()["taps"])
        eventually(lambda: started.status()["taps"][0]["sampling"]["rate"] == 1.0)
        yield started


def ask(traced: server.Server, **headers: str) -> str:
    """The id of the answer."""
    body = {
        "model": "demo",
        "messages": [{"role": "user", "content": f"{TEXT}\nWhat does it cost?"}],
        "temperature": 0,
        "max_tokens": 6,
        "attention": {
            "documents": [{"id": "price", "text": TEXT}],
            "tags": {"route": "shop"},
        },
    }
    url = f"{traced.url}/v1/chat/completions"
    response = httpx.post(url, json=body, headers=headers, timeout=60)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def of_trace(items: list[Item], trace: str) -> list[Item]:
    return [item for item in items if item.raw.get("traceId") == trace]


def test_events_and_vllms_span_are_on_the_callers_trace(
    traced: server.Server, daemon: server.Daemon, collector: Collector
) -> None:
    answer = ask(traced, traceparent=f"00-{TRACE}-{SPAN}-01", baggage="tenant=acme,secret=1")
    received = collector.receiver
    events = eventually(lambda: of_trace(received.events(), TRACE))
    spans = eventually(
        lambda: (
            {"llm_request", "attention outlier"}
            <= {span.raw["name"] for span in of_trace(received.spans(), TRACE)}
            and of_trace(received.spans(), TRACE)
        )
    )
    by_name = {span.raw["name"]: span for span in spans}
    for name in ("llm_request", "attention outlier"):
        assert by_name[name].raw["parentSpanId"] == SPAN
    assert {event.raw["spanId"] for event in events} == {SPAN}
    assert {event.raw["eventName"] for event in events} == {"gen_ai.evaluation.result"}
    assert "context_share" in {event.attributes["gen_ai.evaluation.name"] for event in events}
    ids = {span.attributes["gen_ai.request.id"] for span in by_name.values()}
    assert ids == {event.attributes["gen_ai.request.id"] for event in events}
    for item in (*events, by_name["attention outlier"]):
        assert item.attributes["gen_ai.response.id"] == answer
        assert item.attributes["attention.tag.tenant"] == "acme"
        assert item.attributes["attention.tag.route"] == "shop"
        assert "secret" not in str(item.attributes)


def test_exemplars_on_both_pages_carry_the_trace(
    traced: server.Server, daemon: server.Daemon, collector: Collector
) -> None:
    trace = "ab" * 16
    ask(traced, traceparent=f"00-{trace}-{SPAN}-01")

    def page() -> str:
        headers = {"accept": OPENMETRICS}
        return httpx.get(f"{daemon.url}/metrics", headers=headers, timeout=10).text

    assert eventually(lambda: re.search(rf'# {{trace_id="{trace}"}}', page()))
    assert eventually(lambda: f'"traceId":"{trace}"' in metrics_of(collector))


def metrics_of(collector: Collector) -> str:
    bodies = list(collector.receiver.bodies)
    return b"".join(body for path, body in bodies if path == "/v1/metrics").decode()


def test_a_trace_that_the_caller_did_not_sample_stays_empty(
    traced: server.Server, daemon: server.Daemon, collector: Collector
) -> None:
    trace = "cd" * 16
    ask(traced, traceparent=f"00-{trace}-{SPAN}-00")
    counted = "attention_sidecar_otel_unsampled_requests_total 1.0"
    eventually(lambda: counted in daemon.metrics())
    assert of_trace(collector.receiver.spans(), trace) == []
    assert of_trace(collector.receiver.events(), trace) == []


def test_no_text_reaches_the_collector(
    traced: server.Server, daemon: server.Daemon, collector: Collector, tmp_path: Path
) -> None:
    trace = "ef" * 16
    ask(traced, traceparent=f"00-{trace}-{SPAN}-01")
    eventually(lambda: of_trace(collector.receiver.events(), trace))
    eventually(lambda: of_trace(collector.receiver.spans(), trace))
    eventually(lambda: f'"traceId":"{trace}"' in metrics_of(collector))
    passed_on = b"".join(body for _, body in list(collector.receiver.bodies))
    logged = collector.log.read_bytes()
    assert trace.encode() in passed_on
    assert trace.encode() in logged
    for found in (passed_on, logged):
        assert not re.search(rb"zanzibar|plum-7741|Aldora", found)


def test_serving_goes_on_without_a_collector(
    traced: server.Server, daemon: server.Daemon, collector: Collector
) -> None:
    collector.kill()
    before = daemon.status()["taps"][0]["samples"]
    for _ in range(3):
        ask(traced, traceparent=f"00-{TRACE}-{SPAN}-01")
    eventually(lambda: daemon.status()["taps"][0]["samples"] == before + 18)
    sinks = {sink["name"]: sink for sink in daemon.status()["sinks"]}
    assert sinks["archive"]["state"] == sinks["prometheus"]["state"] == "running"
    eventually(lambda: 'sink_up{sink="otel"} 0.0' in daemon.metrics())
    collector.start()
    ask(traced, traceparent=f"00-{'12' * 16}-{SPAN}-01")
    eventually(lambda: of_trace(collector.receiver.events(), "12" * 16))
    eventually(lambda: 'sink_up{sink="otel"} 1.0' in daemon.metrics())
