"""Look after the archive, and query it."""

from pathlib import Path

import click

from sidecar.cli import options


@click.group()
def archive() -> None:
    """Look after the archive."""


@archive.command()
@options.config
@options.url
def flush(config: Path | None, url: str | None) -> None:
    """Close the archive's files now, so that queries see every sample so far."""
    with options.client(config, url) as client:
        client.flush_archive()


@click.command()
@click.argument("sql")
@options.config
@options.archive
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    help="How to print: table, csv or json.",
)
def query(sql: str, config: Path | None, path: Path | None, form: str) -> None:
    """Run one SELECT over the archive's views: samples, layers, heads, segments, hours."""
    from sidecar.archive.output import QueryFailed, answer

    try:
        for line in answer(path or options.settings(config).archive.path, sql, form):
            click.echo(line)
    except QueryFailed as error:
        raise click.ClickException(str(error)) from None
