"""Traffic under way: the daemon, the engine, what users got and what was published meanwhile."""

import time

from sidecar.demo import layout as layouts
from sidecar.demo.deployment import Deployment
from sidecar.demo.faults import Change
from sidecar.demo.layout import Layout
from sidecar.demo.phases import Phase
from sidecar.demo.processes import Child, DemoError
from sidecar.demo.readings import Window, scrape, tap_reason
from sidecar.demo.screen import Screen, View
from sidecar.demo.traffic import Traffic

_REFRESH_SECONDS, _COST_WINDOW = 1.0, 10
_SETTLED_SECONDS, _SETTLE_AT_MOST = 1.5, 15.0


class Stage:
    """Where the story plays: the daemon, the engine, and what was seen so far."""

    def __init__(
        self, layout: Layout, daemon: Child, deployment: Deployment, *, seconds: float
    ) -> None:
        """``seconds`` of traffic make a phase."""
        self.layout, self.daemon, self.deployment = layout, daemon, deployment
        self._seconds = seconds
        self.phases: tuple[Phase, ...] = ()

    def watch(self, title: str, change: Change) -> Phase:
        """Send traffic for a while, show it, and wait until its samples are published."""
        with Screen() as screen:
            first = scrape(self.layout.daemon_url)
            with Traffic(self.layout.engine_url, layouts.SERVED_NAME, change, seed=title) as users:
                phase = Phase(title, users.tally, [first])
                self.phases = (*self.phases, phase)
                deadline = time.monotonic() + self._seconds
                while time.monotonic() < deadline:
                    time.sleep(_REFRESH_SECONDS)
                    self.check()
                    phase.readings.append(scrape(self.layout.daemon_url))
                    screen.show(self._view(phase))
            self._settle(phase)
            screen.finish(self._view(phase))
        self._demand(phase)
        return phase

    def check(self) -> None:
        """Raise DemoError when a process has ended."""
        self.daemon.check()
        self.deployment.engine.check()

    def _view(self, phase: Phase) -> View:
        recent = phase.readings[-_COST_WINDOW:]
        return View(self.phases, Window(recent[0], recent[-1]))

    def _settle(self, phase: Phase) -> None:
        """Wait until no more samples come, so that each belongs to one phase."""
        deadline = time.monotonic() + _SETTLE_AT_MOST
        while True:
            published = phase.window.samples()
            time.sleep(_SETTLED_SECONDS)
            phase.readings[-1] = scrape(self.layout.daemon_url)
            if phase.window.samples() == published:
                return
            if time.monotonic() > deadline:
                raise DemoError(f"samples come without traffic\n{self.daemon.tail()}")

    def _demand(self, phase: Phase) -> None:
        """Answers and samples, and no failed request."""
        failures, log = phase.tally.failures, self.deployment.engine.log
        if failures or not phase.tally.answers:
            why = failures[-1] if failures else "none was answered"
            raise DemoError(f"{len(failures)} requests failed: {why} (log {log})")
        if not phase.window.samples():
            said = tap_reason(self.layout.daemon_url)
            raise DemoError(
                f"no sample on /metrics; the tap says: {said} (log {log})\n{self.daemon.tail()}"
            )
