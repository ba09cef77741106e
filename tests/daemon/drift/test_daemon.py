"""A real daemon, killed in the middle of a change, in front of a real Alertmanager."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from sidecar import signals
from sidecar.daemon.sinks.drift.reduced import reduced
from sidecar.daemon.sinks.drift.requests import OpenRequests, together
from sidecar.drift import Baseline
from sidecar.drift.baseline.build import build
from tests.conftest import Requires
from tests.daemon.drift.alertmanager import Alertmanager, running
from tests.daemon.synthetic import Tap, batch_of
from tests.daemon.test_service import Daemon, command
from tests.waiting import eventually

pytestmark = pytest.mark.slow

MARGIN = 0.05
TAP: dict[str, Any] = {"layers": [0, 1], "heads": 2, "documents": 2, "routes": ["search"]}


class Traffic:
    """A tap whose samples can lose the documents; each is a request of its own."""

    def __init__(self, seed: int) -> None:
        self.tap = Tap(**TAP, seed=seed)

    def rows(self, count: int, *, faulty: bool = False) -> list[dict[str, Any]]:
        return [self._row(faulty) for _ in range(count)]

    def message(self, count: int, *, faulty: bool = False) -> list[bytes]:
        from sidecar import wire

        return [wire.SAMPLES, wire.encode_batch(batch_of(self.rows(count, faulty=faulty)))]

    def _row(self, faulty: bool) -> dict[str, Any]:
        row = self.tap.sample()
        if faulty:
            roles = row["segment_role"]
            mass = np.reshape(row["mass"], (-1, len(roles))).copy()
            context, query = np.asarray(roles) == "context", roles.index("query")
            mass[:, query] += 0.8 * mass[:, context].sum(axis=1)
            mass[:, context] *= 0.2
            row["mass"] = mass.ravel()
        return row


@cache
def baseline() -> Baseline:
    """Of such traffic, without calibrated heads."""
    batch = signals.compute(batch_of(Traffic(seed=1).rows(1700)))
    requests = OpenRequests(1e-9, 1 << 20)
    requests.add(reduced(batch, time.time())[0])
    streams = dict(together(requests.quiet()))
    return build(streams, where="true", margin=MARGIN, tell=lambda line: None)


@pytest.fixture
def alertmanager(requires: Requires, tmp_path: Path) -> Iterator[Alertmanager]:
    with running(requires("prometheus-alertmanager"), tmp_path) as started:
        yield started


def watching(folder: Path, port: int, *extra: str) -> Daemon:
    file = folder / "baseline.json"
    baseline().save(file)
    settings = [
        f"drift.baseline={file}",
        f"drift.state_path={folder / 'drift'}",
        "drift.idle_seconds=0.2",
        "archive.roll_seconds=1",
    ]
    return Daemon(folder, port, *settings, *extra)


def value(daemon: Daemon, name: str) -> float:
    lines = httpx.get(f"{daemon.url}/metrics", timeout=60).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def taken(daemon: Daemon, requests: float) -> None:
    """Wait until so many requests of this process were watched."""
    name = 'attention_drift_requests_total{outcome="watched"}'
    eventually(lambda: value(daemon, name) >= requests)


def test_a_daemon_killed_in_the_middle_of_a_change_alerts_once(
    alertmanager: Alertmanager, tmp_path: Path, free_port: int
) -> None:
    traffic, pushed = Traffic(seed=2), f"drift.alertmanager={alertmanager.url}"
    first = watching(tmp_path, free_port, pushed)
    first.send(traffic.message(100))
    taken(first, 100)
    first.send(traffic.message(10, faulty=True))
    taken(first, 110)
    evidence = value(first, "attention_drift_evidence{")
    first.stop(signal.SIGKILL)
    second = watching(tmp_path, free_port, pushed)
    wanted = pytest.approx(evidence, rel=1e-6)
    eventually(lambda: value(second, "attention_drift_evidence{") == wanted)
    for _ in range(20):
        second.send(traffic.message(10, faulty=True))
    eventually(lambda: alertmanager.webhook.alerts)
    taken(second, 200)
    eventually(lambda: not value(second, "attention_sidecar_drift_waiting_alerts"))
    second.stop(signal.SIGKILL)
    third = watching(tmp_path, free_port, pushed)
    try:
        shown = command("status", "--url", third.url).stdout
        assert "drift 1 alarm" in shown
        assert "alarm: " in shown
        eventually(lambda: value(third, "attention_sidecar_drift_pushes_total"))
        assert alertmanager.webhook.alerts == [("search", "firing")]
        [found] = alertmanager.alerts()
        assert found["labels"]["direction"] == "drop"
        for _ in range(60):
            third.send(traffic.message(10))
        eventually(lambda: ("search", "resolved") in alertmanager.webhook.alerts)
        assert alertmanager.webhook.alerts == [("search", "firing"), ("search", "resolved")]
        assert third.stop() == 0
    finally:
        third.stop()


def test_the_archive_tells_what_moved_most(tmp_path: Path, free_port: int) -> None:
    daemon = watching(tmp_path, free_port)
    try:
        traffic = Traffic(seed=3)
        for _ in range(20):
            daemon.send(traffic.message(10))
        taken(daemon, 200)
        traffic.tap.sample()
        for _ in range(20):
            daemon.send(traffic.message(10, faulty=True))
        eventually(lambda: value(daemon, "attention_drift_alerts_total"))
        explained = 'attention_sidecar_drift_explanations_total{outcome="explained"}'
        eventually(lambda: value(daemon, explained))
        [told] = httpx.get(f"{daemon.url}/v1/status", timeout=60).json()["drift"]["alerts"]
        assert told["alert"]["links"]["trace_1"]
        kinds = {one[0] for one in told["alert"]["details"]}
        assert "layer" in kinds
    finally:
        daemon.stop()


def test_a_baseline_that_cannot_be_used_keeps_the_daemon_from_starting(
    tmp_path: Path, free_port: int
) -> None:
    file = tmp_path / "baseline.json"
    port = f"http.port={free_port}"
    for content in (None, "{}"):
        if content:
            file.write_text(content)
        done = command(
            "daemon", *(part for one in (f"drift.baseline={file}", port) for part in ("--set", one))
        )
        assert done.returncode == 1
        assert f"cannot start: drift.baseline: '{file}'" in done.stderr
        assert "Traceback" not in done.stderr


def test_files_of_different_margins_are_refused(tmp_path: Path) -> None:
    from sidecar.daemon.sinks.drift.baselines import merged
    from sidecar.drift import BaselineError

    baseline().save(tmp_path / "a.json")
    wider = baseline().model_copy(update={"margin": 0.1, "created": datetime.now(UTC)})
    wider.save(tmp_path / "b.json")
    with pytest.raises(BaselineError, match=r"margins differ: 0\.05, 0\.1"):
        merged([tmp_path / "a.json", tmp_path / "b.json"])
    with pytest.raises(BaselineError, match="names a signal of a stream twice"):
        merged([tmp_path / "a.json", tmp_path / "a.json"])
