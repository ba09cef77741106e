"""The bundled models under every change of the demo: which are alarms, and which are not.

One change at a time: ``python -m pytest tests/engine/test_drift.py -k retriever``. The monitor is
the daemon's, against the baseline that lies beside the grounded model.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

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

ALARMS = [change for change in FAULTS if change.alarms]
QUIET = [change for change in (*FAULTS, *BENIGN) if not change.alarms]
BEFORE, AFTER = 150, 450
"""Watched requests before a change and since, all routes together."""
MOST_SECONDS = 900.0
NEW = {
    "closed-book": f"model_revision={layout.revision('closed-book')}",
    "retriever": "retriever=v2",
    "template": "prompt_template=v2",
}


@dataclass
class Story:
    """A daemon and an engine, and the traffic that they see."""

    layout: Layout
    daemon: Child
    deployment: Deployment

    def watched(self) -> float:
        series = scrape(self.layout.daemon_url).values["attention_drift_requests_total"]
        return sum(value for labels, value in series if labels["outcome"] == "watched")

    def ask(self, change: Change, requests: int) -> None:
        """Until so many more were watched."""
        wanted, deadline = self.watched() + requests, time.monotonic() + MOST_SECONDS
        with Traffic(self.layout.engine_url, layout.SERVED_NAME, change, seed=change.name) as users:
            while self.watched() < wanted:
                assert time.monotonic() < deadline, self.daemon.tail()
                self.daemon.check()
                self.deployment.engine.check()
                time.sleep(2)
        assert len(users.tally.failures) < 0.02 * requests, users.tally.failures[-1]

    def roll_out(self, change: Change) -> list[Alert]:
        """The alerts that a change has raised."""
        self.deployment.deploy(HEALTHY)
        self.ask(HEALTHY, BEFORE)
        assert alarm.raised(self.layout.daemon_url) == []
        if change.restarts:
            self.deployment.deploy(change)
        self.ask(change, AFTER)
        return alarm.raised(self.layout.daemon_url)

    def raised(self) -> float:
        return scrape(self.layout.daemon_url).total("attention_drift_alerts_total")


@contextmanager
def story(folder: Path) -> Iterator[Story]:
    assert layout.baseline_file().is_file(), "`python -m sidecar.demo.baseline` makes it"
    with ExitStack() as stack:
        made = stack.enter_context(prepared(folder))
        log = made.folder / "daemon.log"
        daemon = Child("the daemon", made.daemon_command(), env=made.settings(), log=log)
        stack.enter_context(daemon)
        ready = f"{made.daemon_url}/health/ready"
        daemon.wait_until(lambda: answers(ready), seconds=120, what="the start")
        yield Story(made, daemon, stack.enter_context(Deployment(made)))


@pytest.mark.parametrize("change", ALARMS, ids=[change.name for change in ALARMS])
def test_a_fault_that_attention_shows_is_one_alert_that_names_the_stage(
    change: Change, tmp_path: Path
) -> None:
    with story(tmp_path) as told:
        [alert] = told.roll_out(change)
        assert told.raised() == 1, "one is over already"
    found = (alert.signal, alert.direction, alert.kind, alert.calibrated)
    assert found == ("grounding_score", "drop", "behaviour", True)
    assert sentence(alert).endswith(f"; new since then: {NEW[change.name]}")


@pytest.mark.parametrize("change", QUIET, ids=[change.name for change in QUIET])
def test_a_change_that_attention_does_not_show_raises_nothing(
    change: Change, tmp_path: Path
) -> None:
    with story(tmp_path) as told:
        assert told.roll_out(change) == []
        assert told.raised() == 0
