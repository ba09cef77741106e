"""Run the daemon, ask how it does, and check the installation."""

import json
from pathlib import Path

import click

from sidecar.cli import options

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@options.config
@options.pairs
def daemon(config: Path | None, pairs: tuple[str, ...]) -> None:
    """Take samples in and publish them until told to stop.

    To Prometheus; to the archive, Kafka and an OpenTelemetry collector as the settings say.
    """
    settings = options.settings(config, pairs)
    from sidecar.daemon.service import serve

    raise SystemExit(serve(settings))


@click.command()
@options.config
@options.url
@click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")
def status(config: Path | None, url: str | None, as_json: bool) -> None:
    """Show taps, sinks and what was lost."""
    from sidecar.daemon.report import lines

    with options.client(config, url) as client:
        found = client.status()
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


@click.command()
@options.config
@options.url
def doctor(config: Path | None, url: str | None) -> None:
    """Check the installation, a line for each thing; the exit code is 1 when something fails."""
    settings = options.settings(config)
    from sidecar.doctor import examine

    failed = False
    for check in examine(settings, url):
        failed |= check.verdict == "fail"
        verdict = click.style(check.verdict, _COLOURS[check.verdict])
        click.echo(verdict + str(check)[len(check.verdict) :])
    raise SystemExit(failed)
