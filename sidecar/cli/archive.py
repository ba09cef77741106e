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


@archive.command()
@options.config
@options.archive
@click.option(
    "--older-than",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    metavar="HOURS",
    help="Only hours that ended at least so many hours ago.",
)
@click.option(
    "--file-mb",
    type=click.IntRange(1),
    default=1024,
    show_default=True,
    help="Megabytes on disk after which another file begins; files of half of it are left alone.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def compact(
    config: Path | None, path: Path | None, *, older_than: float, file_mb: int, dry_run: bool
) -> None:
    """Merge the many files of each hour that is over, and leave out what was delivered twice.

    Safe beside writers and readers, and to be killed: the next run finishes what was begun. Hours
    that a writer has a journal for are left for later. Exits with 0 when all else is done; with 1
    when something could not be read or written, which is left as it was and named, or another
    compaction is at work.
    """
    from sidecar.archive.compaction import Compaction, UnderWay
    from sidecar.archive.steps import total

    folder = path or options.settings(config).archive.path
    done = []
    try:
        for step in Compaction(folder, file_mb << 20, dry_run=dry_run).run(older_than):
            click.echo(step, err=step.failed)
            done.append(step)
    except (UnderWay, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(total(done))
    if dry_run:
        click.echo("nothing was changed")
    if any(step.failed for step in done):
        raise SystemExit(1)


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
    from sidecar.archive import QueryFailed
    from sidecar.archive.output import answer

    try:
        for line in answer(path or options.settings(config).archive.path, sql, form):
            click.echo(line)
    except QueryFailed as error:
        raise click.ClickException(str(error)) from None
