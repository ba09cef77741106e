"""The monitor of a fleet as a process, and producers that publish to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa

from sidecar.daemon.sinks.kafka import KafkaSink
from sidecar.drift import Alert, Baseline
from tests.drift.kit import baseline, numbers
from tests.kafka.broker import Broker
from tests.kafka.kit import consumed, sink
from tests.waiting import eventually

COMMAND = [str(Path(sys.executable).with_name("attention-sidecar")), "drift", "from-kafka"]


@dataclass
class Topics:
    """Those of one test; the group has the name of the topic of alerts."""

    broker: Broker
    samples: str
    alerts: str

    def told(self, number: int) -> list[Alert]:
        """Alerts on their topic, at least so many."""
        found = consumed(self.broker, self.alerts, lambda count: count >= number)
        return [Alert.model_validate_json(record.value) for record in found]


class Monitor:
    """A process; ``folder`` has its state, and survives it."""

    def __init__(
        self,
        topics: Topics,
        folder: Path,
        port: int,
        *extra: str,
        frozen: Baseline | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.log, self.state, self.url = (
            folder / "log",
            folder / "drift",
            f"http://127.0.0.1:{port}",
        )
        (frozen or baseline()).save(folder / "baseline.json")
        settings = {
            "http.port": port,
            "drift.baseline": folder / "baseline.json",
            "drift.state_path": self.state,
            "drift.idle_seconds": 0.2,
            "kafka.bootstrap_servers": topics.broker.address,
            "kafka.samples_topic": topics.samples,
            "kafka.alerts_topic": topics.alerts,
            "kafka.spill_path": folder / "spill",
        }
        flags = [f"{name}={value}" for name, value in settings.items()] + list(extra)
        arguments = [part for flag in flags for part in ("--set", flag)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--group", topics.alerts, "--from-start", *arguments],
                stdout=log,
                stderr=log,
                env=os.environ,
            )
        eventually(self._ready)

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=60).is_success
        except httpx.TransportError:
            return False

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/v1/status", timeout=60).json()
        return found

    def fleet(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["fleet"]
        return found

    def value(self, name: str) -> float:
        """The sum of a metric's values, by the beginning of its line."""
        lines = httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    @property
    def received(self) -> float:
        return self.value("attention_sidecar_samples_received_total")

    @property
    def watched(self) -> float:
        return self.value('attention_drift_requests_total{outcome="watched"}')

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def evidence(self) -> list[float]:
        """Every number that the monitor saved."""
        state = json.loads((self.state / "state.json").read_bytes())
        return numbers(state["watching"]["monitor"])


@contextmanager
def monitor(
    topics: Topics, folder: Path, port: int, *extra: str, frozen: Baseline | None = None
) -> Iterator[Monitor]:
    """A running monitor; what is left of it is ended."""
    started = Monitor(topics, folder, port, *extra, frozen=frozen)
    try:
        yield started
    finally:
        started.stop()


@dataclass
class Replicas:
    """Sinks of several daemons, each of which gets some of the batches."""

    topics: Topics
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def publish(self, *shares: list[pa.RecordBatch]) -> None:
        """In turns a batch of each; returns when brokers have all."""
        address, topic = self.topics.broker.address, self.topics.samples
        for batches in zip(*shares, strict=True):
            for number, batch in enumerate(batches):
                place = self.folder / f"replica-{number}"
                with sink(address, place, samples_topic=topic, **self.settings) as running:
                    running.write(batch)
                    eventually(partial(_sent, running, topic))


def _sent(running: KafkaSink, topic: str) -> bool:
    return running._streams[topic].spill.samples == 0
