"""The bundled models under every change of the demo: which are alarms, and which are not.

One change at a time: ``python -m pytest tests/engine/test_drift.py -k retriever``. The monitor is
the daemon's, against the baseline that lies beside the grounded model.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from sidecar.demo import alarm, layout
from sidecar.demo.deployment import Deployment
from sidecar.demo.faults import BENIGN, FAULTS, HEALTHY, Change
from sidecar.demo.layout import Layout, prepared
from sidecar.demo.processes import Child, answers
from sidecar.demo.readings import scrape
from sidecar.demo.traffic import Traffic
from sidecar.drift import Alert, sentence

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.timeout(3600)]

CHANGES = sorted((*FAULTS, *BENIGN), key=lambda change: change.restarts)
"""Those that take another engine come last."""
ALARMS = [change for change in CHANGES if change.alarms]
QUIET = [change for change in CHANGES if not change.alarms]
BEFORE, AFTER_ALARM, AFTER_QUIET = 100, 200, 300
"""Watched requests before a change and since, all routes together."""
USERS = 16
MOST_SECONDS = 900.0
NEW = {
    "closed-book": f"model_revision={layout.revision('closed-book')}",
    "retriever": "retriever=v2",
    "template": "prompt_template=v2",
}


@dataclass
class Stage:
    """An engine that serves changes in turn, each watched by a daemon that knows of no other."""

    layout: Layout
    deployment: Deployment
    served: tuple[str, tuple[str, ...]] = ("", ())

    @contextmanager
    def watched(self) -> Iterator[Child]:
        for left in (self.layout.archive, self.layout.folder / "drift"):
            shutil.rmtree(left, ignore_errors=True)
        log = self.layout.folder / "daemon.log"
        command, settings = self.layout.daemon_command(), self.layout.settings()
        with Child("the daemon", command, env=settings, log=log) as daemon:
            ready = f"{self.layout.daemon_url}/health/ready"
            daemon.wait_until(lambda: answers(ready), seconds=120, what="the start")
            yield daemon

    def serve(self, change: Change) -> None:
        """By another engine where the change takes one."""
        if (change.model, change.flags) != self.served:
            self.deployment.deploy(change)
            self.served = (change.model, change.flags)

    def ask(self, daemon: Child, change: Change, requests: int) -> None:
        """Until so many more were watched."""
        wanted, deadline = self.seen() + requests, time.monotonic() + MOST_SECONDS
        url, seed = self.layout.engine_url, f"{change.name}-{requests}"
        with Traffic(url, layout.SERVED_NAME, change, seed=seed, users=USERS) as users:
            while self.seen() < wanted:
                assert time.monotonic() < deadline, daemon.tail()
                daemon.check()
                self.deployment.engine.check()
                time.sleep(1)
        assert len(users.tally.failures) < 0.02 * requests, users.tally.failures[-1]

    def seen(self) -> float:
        series = scrape(self.layout.daemon_url).values["attention_drift_requests_total"]
        return sum(value for labels, value in series if labels["outcome"] == "watched")

    def roll_out(self, change: Change) -> list[Alert]:
        """The alerts that a change has raised; each is open still."""
        self.serve(HEALTHY)
        with self.watched() as daemon:
            self.ask(daemon, HEALTHY, BEFORE)
            assert alarm.raised(self.layout.daemon_url) == []
            self.serve(change)
            self.ask(daemon, change, AFTER_ALARM if change.alarms else AFTER_QUIET)
            found = alarm.raised(self.layout.daemon_url)
            assert scrape(self.layout.daemon_url).total("attention_drift_alerts_total") == len(
                found
            )
        return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    assert layout.baseline_file().is_file(), "`python -m sidecar.demo.baseline` makes it"
    folder = tmp_path_factory.mktemp("drift")
    with prepared(folder) as made, Deployment(made) as deployment:
        yield Stage(made, deployment)


@pytest.mark.parametrize("change", ALARMS, ids=[change.name for change in ALARMS])
def test_a_fault_that_attention_shows_is_one_alert_that_names_the_stage(
    stage: Stage, change: Change
) -> None:
    [alert] = stage.roll_out(change)
    found = (alert.signal, alert.direction, alert.kind, alert.calibrated)
    assert found == ("grounding_score", "drop", "behaviour", True)
    assert sentence(alert).endswith(f"; new since then: {NEW[change.name]}")


@pytest.mark.parametrize("change", QUIET, ids=[change.name for change in QUIET])
def test_a_change_that_attention_does_not_show_raises_nothing(stage: Stage, change: Change) -> None:
    assert stage.roll_out(change) == []
