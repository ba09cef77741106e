"""Samples of made-up requests as taps send them, and a sink that watches them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.drift_traffic import Shift
from sidecar import config, schema, signals
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks.base import Sink
from sidecar.daemon.sinks.drift import DriftSink
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.drift import Alert, Requests, Stream
from tests.daemon.synthetic import Tap
from tests.drift.kit import RAG, baseline, some

FAULT = Shift(at=0, hit=1.0)
ROUTES = ("rag", "b", "c", "d")
SOON = {"idle_seconds": 1e-9}
"""A request is over as soon as its samples were looked at."""


def healthy(size: int, seed: int = 1) -> Requests:
    return some(size, 1000 + seed)


def faulty(size: int, seed: int = 1) -> Requests:
    return some(size, 2000 + seed, shift=FAULT)


@cache
def _template() -> pa.RecordBatch:
    return signals.compute(Tap(layers=[0], heads=1, documents=1).batch(1))


_numbers = iter(range(1 << 40))


def batch(requests: Requests, stream: Stream = RAG, **columns: Any) -> pa.RecordBatch:
    """A sample of each request, taken now; ``columns`` replace those of `schema.RECORD`."""
    size = len(requests)
    names = [f"request-{next(_numbers)}" for _ in range(size)]
    given: dict[str, Any] = {
        "record_id": names,
        "request_id": names,
        "model_name": [stream.model] * size,
        "route": [stream.route or None] * size,
        "time": [int(time.time() * 1e6)] * size,
        "context_length": np.exp(requests.lengths[:, 0]).astype(int).tolist(),
        "step": np.expm1(requests.lengths[:, 1]).astype(int).tolist(),
        "documents_declared": requests.lengths[:, 2].astype(int).tolist(),
        "grounding_score": [None if np.isnan(v) else v for v in requests.signals[:, 0].tolist()],
        **columns,
    }
    repeated = _template().take(pa.array([0] * size))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(given[one.name], one.type) if one.name in given else repeated.column(one.name)
            for one in schema.RECORD
        ],
        schema=schema.RECORD,
    )


@dataclass
class Listener(Sink):
    """A sink that keeps the alerts it is told of."""

    name: str = "listener"
    alerts: list[Alert] = field(default_factory=list)
    refuse: Exception | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        pass

    def tell(self, alert: Alert) -> None:
        if self.refuse:
            raise self.refuse
        self.alerts.append(alert)


class Running:
    """A sink without its runner's thread, so that a test says when time passes."""

    def __init__(self, folder: Path, *routes: str, **settings: Any) -> None:
        file = folder / "baseline.json"
        baseline(*(routes or ("rag",))).save(file)
        chosen = {"baseline": [file], "state_path": folder / "state", **SOON, **settings}
        self.listener = Listener()
        self.archive = config.Archive(enabled=False, path=folder / "archive")
        self.sink = DriftSink(config.Drift(**chosen), config.Metrics(), self.archive)
        own = OwnMetrics()
        sinks: list[Sink] = [self.listener, self.sink]
        self.sink.meet({one.name: SinkRunner(one, own, max_batches=1) for one in sinks})
        self.sink.start()

    def feed(self, requests: Requests, stream: Stream = RAG, *, step: int = 50) -> None:
        """Requests, some at a time, each over at the next tick."""
        for start in range(0, len(requests), step):
            self.write(batch(requests.take(slice(start, start + step)), stream))

    def write(self, found: pa.RecordBatch) -> None:
        self.sink.write(found)
        self.sink.tick(time.time())

    def save(self) -> None:
        self.sink._save()

    def kill(self) -> None:
        """What is left when the process is killed: the files, and no lock."""
        self.sink._store.close()

    def stop(self) -> None:
        self.sink.stop(time.monotonic() + 5)

    @property
    def alerts(self) -> list[tuple[str, str]]:
        return [(alert.id, alert.state) for alert in self.listener.alerts]

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        return sum(
            one.value
            for family in self.sink.collect()
            for one in family.samples
            if one.name == name and labels.items() <= one.labels.items()
        )

    def state(self, **labels: str) -> str:
        """The state of a stream on the page."""
        [found] = [
            one.labels["attention_drift_state"]
            for family in self.sink.collect()
            if family.name == "attention_drift_state"
            for one in family.samples
            if one.value and labels.items() <= one.labels.items()
        ]
        return found


@contextmanager
def running(folder: Path, *routes: str, **settings: Any) -> Iterator[Running]:
    """A started sink, stopped at the end."""
    folder.mkdir(exist_ok=True)
    started = Running(folder, *routes, **settings)
    try:
        yield started
    finally:
        started.stop()
