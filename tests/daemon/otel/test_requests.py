"""Samples gathered by request: means, ends, bounds, and ids as the caller knows them."""

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sidecar import schema, signals
from sidecar.config import Otel
from sidecar.daemon.sinks.otel.conventions import request_id, response_id
from sidecar.daemon.sinks.otel.outliers import Outliers
from sidecar.daemon.sinks.otel.requests import LONGEST_ID, OpenRequests
from tests.daemon.synthetic import Tap, batch_of


def record(*rows: dict[str, Any]) -> pa.RecordBatch:
    return signals.compute(batch_of(list(rows)))


def gathered(batch: pa.RecordBatch, **settings: Any) -> OpenRequests:
    requests = OpenRequests(Otel(**settings))
    requests.add(batch)
    return requests


def test_a_request_has_the_mean_of_its_samples() -> None:
    tap = Tap(layers=[0, 1], heads=4)
    rows = [tap.sample(step=step, request_id="a") for step in (0, 16, 32)]
    batch = record(rows[0], tap.sample(request_id="b"), *rows[1:])
    of = {request.request_id: request for request in gathered(batch).all()}
    assert set(of) == {"a", "b"}
    means = {name: mean for name, mean, count in of["a"].means() if count == 3}
    for name in ("context_share", "entropy_ratio"):
        column = np.array(batch.column(name).to_pylist(), dtype=float)[[0, 2, 3]]
        assert means[name] == pytest.approx(column.mean())
    assert of["a"].context_length == rows[-1]["context_length"]


def test_batches_of_one_request_add_up_and_ranks_are_one_request() -> None:
    requests = OpenRequests(Otel())
    for rank in (0, 1):
        tap = Tap(rank=rank, layers=[0], heads=2)
        requests.add(record(*[tap.sample(step=step, request_id="a") for step in (0, 16)]))
    [request] = requests.all()
    assert {name: count for name, _, count in request.means()}["context_share"] == 4


def test_a_signal_that_was_never_measured_is_absent() -> None:
    tap = Tap(layers=[0], heads=2, documents=0)
    [request] = gathered(record(tap.sample(step=0))).all()
    measured = {name for name, _, _ in request.means()}
    assert "entropy_ratio" in measured
    assert not measured & {"top_document_share", "document_entropy", "grounding_score"}
    assert measured < set(schema.SIGNAL_NAMES)


def test_the_same_id_in_another_process_is_another_request() -> None:
    rows = [Tap(boot=boot, layers=[0], heads=1).sample(request_id="a") for boot in ("x", "y")]
    assert len(gathered(record(*rows))) == 2


def test_only_quiet_requests_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    tap = Tap(layers=[0], heads=1)
    requests = gathered(record(tap.sample(request_id="early")), idle_seconds=5)
    start = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: start + 4)
    requests.add(record(tap.sample(request_id="late")))
    assert list(requests.quiet()) == []
    monkeypatch.setattr(time, "monotonic", lambda: start + 6)
    assert [request.request_id for request in requests.quiet()] == ["early"]
    assert len(requests) == 1


def test_beyond_the_limit_the_one_quiet_for_longest_goes_first() -> None:
    tap = Tap(layers=[0], heads=1)
    requests = OpenRequests(Otel(open_requests=2))
    for name in ("a", "b", "a", "c", "d"):
        requests.add(record(tap.sample(request_id=name)))
    assert [request.request_id for request in requests.beyond()] == ["b", "a"]
    assert [request.request_id for request in requests.all()] == ["c", "d"]


def test_only_chosen_tags_are_kept_and_long_ids_are_cut() -> None:
    row = Tap(layers=[0], heads=1, routes=["search"]).sample(
        tags=[("tenant", "a"), ("secret", "no")], request_id="x" * 10_000 + "-end"
    )
    [request] = gathered(record(row), tags=["route", "tenant", "missing"]).all()
    assert request.tags == {"route": "search", "tenant": "a"}
    assert len(request.request_id) == LONGEST_ID
    assert request.request_id.endswith("-end")


@pytest.mark.parametrize(
    ("means", "met"),
    [
        ({"context_share": 0.05, "sink_share": 0.5}, ["context_share < 0.1"]),
        ({"context_share": 0.1, "sink_share": 0.95}, ["sink_share>.9"]),
        ({"sink_share": 0.9}, []),
        ({}, []),
    ],
)
def test_an_outlier_meets_a_condition_on_a_measured_signal(
    means: dict[str, float], met: list[str]
) -> None:
    outliers = Outliers(Otel(outliers=["context_share < 0.1", "sink_share>.9"]).outliers)
    assert outliers.met(means) == met


@pytest.mark.parametrize(
    ("engines", "in_span", "in_answer"),
    [
        ("chatcmpl-a7-0123abcd", "chatcmpl-a7", "chatcmpl-a7"),
        ("cmpl-a7-0-0123abcd", "cmpl-a7-0", "cmpl-a7"),
        ("cmpl-my-id-3-12-0123abcd", "cmpl-my-id-3-12", "cmpl-my-id-3"),
        ("1_chatcmpl-a7-0123abcd", "chatcmpl-a7", "chatcmpl-a7"),
        ("resp_a7-0123abcd", "resp_a7", "resp_a7"),
        ("odd", "odd", "odd"),
    ],
)
def test_ids_lose_the_engines_marks(engines: str, in_span: str, in_answer: str) -> None:
    assert (request_id(engines), response_id(engines)) == (in_span, in_answer)
