"""The alert of the story, as an on-call engineer reads it."""

import time
from collections.abc import Iterator
from typing import Any

import click
import httpx

from sidecar.demo import layout as layouts
from sidecar.demo.faults import Change
from sidecar.demo.processes import DemoError
from sidecar.demo.stage import Stage
from sidecar.demo.traffic import Traffic
from sidecar.drift import Alert, sentence

_PATIENCE_SECONDS, _LOOK_SECONDS, _ANSWER_SECONDS = 90.0, 2.0, 20.0


def report(stage: Stage, change: Change) -> None:
    """Print the alerts that a change has raised; where one has to come, ask on until it does.

    Without a baseline nothing was watched, and that is said. Raises DemoError.
    """
    if not layouts.baseline_file().is_file():
        click.echo(f"\nno baseline at {layouts.baseline_file()}: drift was not watched")
        return
    found = raised(stage.layout.daemon_url)
    if change.alarms and not found:
        found = _asked_on(stage, change)
    click.echo("\nwhat an on-call engineer is told:")
    for alert in found:
        click.echo("\n".join(lines(alert)))
    if not found:
        expected = "although one was to be expected" if change.alarms else "and none was due"
        click.echo(f"  no alert, {expected}")
    elif not change.alarms:
        click.echo("  that was not to be expected")


def raised(daemon_url: str) -> list[Alert]:
    """Alerts that are open. Raises DemoError when the daemon does not say."""
    try:
        answer = httpx.get(f"{daemon_url}/v1/status", timeout=_ANSWER_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise DemoError(f"{daemon_url} did not answer: {error}") from error
    told: list[dict[str, Any]] = answer.json()["drift"]["alerts"]
    return [Alert.model_validate(one["alert"]) for one in told]


def _asked_on(stage: Stage, change: Change) -> list[Alert]:
    click.echo("no alert yet; asking on")
    url, deadline = stage.layout.engine_url, time.monotonic() + _PATIENCE_SECONDS
    with Traffic(url, layouts.SERVED_NAME, change, seed="alarm"):
        while time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            stage.check()
            found = raised(stage.layout.daemon_url)
            if found:
                return found
    return []


def lines(alert: Alert) -> Iterator[str]:
    """An alert for a terminal."""
    yield f"  {sentence(alert)}"
    moved = (f"{one.signal} {one.deviations:+.1f} sd" for one in alert.moved)
    groups = (
        f"{one.kind} {one.name} {one.before:.3f} → {one.after:.3f}"
        for one in alert.details
        if one.kind != "new"
    )
    parts = {
        "raised": f"{alert.raised:%H:%M:%S} UTC, {alert.requests} requests after the change",
        "moved": ", ".join(moved),
        "did not": ", ".join(alert.still),
        "moved most": ", ".join(groups),
        "budget": f"a false alarm at most once in {alert.run_length:,.0f} requests of a stream",
    }
    for name, text in parts.items():
        if text:
            yield f"    {name:10} {text}"
