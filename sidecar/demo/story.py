"""What the demo does, in order: serve, ask, roll a change out, ask on, say what happened."""

import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from sidecar.demo import alarm, ending
from sidecar.demo import layout as layouts
from sidecar.demo.conclusion import conclude
from sidecar.demo.deployment import Deployment
from sidecar.demo.faults import CHANGES, HEALTHY, Change
from sidecar.demo.layout import Layout
from sidecar.demo.phases import SIGNALS, Phase
from sidecar.demo.processes import Child, DemoError, answers
from sidecar.demo.stage import Stage
from sidecar.demo.traffic import Traffic

_DAEMON_SECONDS, _CHECK_SECONDS = 60.0, 1.0


def tell(folder: Path, *, fault: str, seconds: float, once: bool) -> int:
    """Run the demo and return the exit status; a SIGTERM counts as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(folder, CHANGES[fault], seconds=seconds, once=once)
    except DemoError as error:
        click.echo(f"demo failed: {error}", err=True)
        return 1
    except KeyboardInterrupt:
        click.echo("stopped before the demo was over")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def run(folder: Path, change: Change, *, seconds: float, once: bool) -> tuple[Phase, Phase]:
    """Tell the story of one change in ``folder``, with ``seconds`` of traffic on either side.

    Unless ``once``, traffic goes on until Ctrl-C. Returns what was measured before and after.

    Raises DemoError when a model is missing, the folder is not the demo's alone, a process dies, a
    request fails or no samples arrive.
    """
    for model in (HEALTHY.model, change.model):
        layouts.revision(model)
    with (
        layouts.prepared(folder) as layout,
        _daemon(layout) as daemon,
        Deployment(layout) as deployment,
    ):
        _start(layout, daemon, change)
        return _tell(Stage(layout, daemon, deployment, seconds=seconds), change, once=once)


def _daemon(layout: Layout) -> Child:
    log = layout.folder / "daemon.log"
    return Child("the daemon", layout.daemon_command(), env=layout.settings(), log=log)


def _start(layout: Layout, daemon: Child, change: Change) -> None:
    kind = "benign change" if change.benign else "fault"
    click.echo("The model is a toy that reads the English of an invented world.")
    click.echo(f"To be rolled out, a {kind}, {change.name}: {change.does}")
    click.echo(f"starting the daemon (log {daemon.log})")
    ready = f"{layout.daemon_url}/metrics"
    daemon.wait_until(lambda: answers(ready), seconds=_DAEMON_SECONDS, what="the start")
    click.echo(f"metrics: {ready}")


def _tell(stage: Stage, change: Change, *, once: bool) -> tuple[Phase, Phase]:
    stage.deployment.deploy(HEALTHY)
    before = stage.watch("before", HEALTHY)
    rollout = datetime.now(UTC)
    click.echo(f"\nrolling out {change.name}")
    if change.restarts:
        stage.deployment.deploy(change)
    after = stage.watch("after", change)
    alarm.report(stage, change)
    ending.prove(stage.layout, stage.daemon)
    click.echo(f"\n{conclude(change, before, after)}")
    measured = [name for name in SIGNALS if before.has(name) or after.has(name)]
    ending.show(stage.layout, ending.split(change, rollout, measured))
    if not once:
        _stay(stage, change)
    return before, after


def _stay(stage: Stage, change: Change) -> None:
    click.echo(f"\ntraffic goes on; metrics: {stage.layout.daemon_url}/metrics; Ctrl-C ends")
    url, name = stage.layout.engine_url, layouts.SERVED_NAME
    with suppress(KeyboardInterrupt), Traffic(url, name, change, seed="on") as users:
        told = 0
        while True:
            time.sleep(_CHECK_SECONDS)
            stage.check()
            told = _tell_failures(users.tally.failures[:], told, stage.deployment.engine.log)


def _tell_failures(failures: list[str], told: int, log: Path) -> int:
    """Say what failed since the first ``told``, and return how many there are by now."""
    if len(failures) > told:
        new = f"{len(failures) - told} requests failed, the last with {failures[-1]}"
        click.echo(f"{new} (log {log})", err=True)
    return len(failures)
