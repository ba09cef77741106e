"""Bring dashboards, alert rules and deploy annotations into a Grafana."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidecar.cli import options

if TYPE_CHECKING:
    from sidecar.grafana.client import Grafana

_url = click.option(
    "--url",
    envvar="GRAFANA_URL",
    default="http://localhost:3000",
    show_default=True,
    help="Address of Grafana, or GRAFANA_URL.",
)
_token = click.option(
    "--token",
    envvar="GRAFANA_TOKEN",
    required=True,
    help="Token of a service account; better given as GRAFANA_TOKEN.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group()
def grafana() -> None:
    """Bring dashboards, alert rules and deploys into Grafana."""


@grafana.command()
@_url
@_token
@click.option("--datasource", required=True, help="Uid of the Prometheus data source for alerts.")
@click.option("--webhook", help="Send alerts to this address, by a contact point of their own.")
@_dry_run
@click.option("--diff", is_flag=True, help="Show each field that differs.")
def publish(
    *, url: str, token: str, datasource: str, webhook: str | None, dry_run: bool, diff: bool
) -> None:
    """Create or update folder, dashboards, contact point and alert rules; repeat it at will."""
    with _connected(url, token) as connected:
        from sidecar.grafana.publish import Publication

        publication = Publication(connected, url, datasource, webhook, dry_run)
        for step in publication.run():
            click.echo(f"{step.action:6} {step.kind} {step.name}")
            for line in step.changes if diff else ():
                click.echo(f"         {line}")
    if dry_run:
        click.echo("nothing was changed")


@grafana.command()
@_url
@_token
@options.config
@options.archive
@_dry_run
def deploys(url: str, token: str, config: Path | None, path: Path | None, dry_run: bool) -> None:
    """Mark on all dashboards when a version of model, retriever, template came or came back."""
    with _connected(url, token) as connected:
        from sidecar.archive import QueryFailed
        from sidecar.grafana import deploys as found

        try:
            seen = found.seen(path or options.settings(config).archive.path)
        except QueryFailed as error:
            raise click.ClickException(f"--archive: {error}") from None
        new = found.publish(connected, seen, dry_run=dry_run)
        for one in new:
            click.echo(f"create annotation {one.time:%Y-%m-%d %H:%M:%S} {one.sentence}")
        click.echo(f"{len(seen)} deploys in the archive, {len(new)} not marked before")
    if dry_run:
        click.echo("nothing was changed")


@contextmanager
def _connected(url: str, token: str) -> Iterator["Grafana"]:
    try:
        from sidecar.grafana.boards import BoardError
        from sidecar.grafana.client import Grafana, GrafanaError
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'attention-sidecar[grafana]'"
        ) from None
    try:
        connected = Grafana(url, token)
        try:
            connected.check()
            yield connected
        finally:
            connected.close()
    except (GrafanaError, BoardError) as error:
        raise click.ClickException(str(error)) from None
