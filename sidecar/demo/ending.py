"""The end of the story: all samples are in the archive, and a query over it shows what happened."""

import subprocess
from collections.abc import Iterable
from datetime import datetime

import click

from sidecar import archive
from sidecar.demo.faults import Change
from sidecar.demo.layout import Layout
from sidecar.demo.processes import Child, DemoError
from sidecar.demo.readings import scrape

_ARCHIVE_SECONDS, _QUERY_SECONDS = 60.0, 120


def prove(layout: Layout, daemon: Child) -> None:
    """Wait until all samples on the metrics page are in the archive. Raises DemoError."""
    published = scrape(layout.daemon_url).samples()
    click.echo(f"{published} samples on /metrics; the archive closes its file within seconds")
    daemon.wait_until(
        lambda: _archived(layout) >= published,
        seconds=_ARCHIVE_SECONDS,
        what=f"the way of {published} samples to the archive",
    )
    click.echo(f"{_archived(layout)} samples in the archive")


def split(change: Change, rollout: datetime, signals: Iterable[str]) -> str:
    """SQL that shows the samples before and after a rollout side by side, oldest first."""
    moment = change.split.format(rollout=rollout.isoformat(timespec="seconds"))
    means = (f"round(avg({signal}), 3) {signal}" for signal in signals)
    columns = ", ".join(
        [
            f"{moment} rollout",
            "count(*) samples",
            "count(distinct request_id) requests",
            "round(avg(prompt_length))::int prompt_tokens",
            *means,
        ]
    )
    return f"select {columns} from samples group by 1 order by min(time)"  # noqa: S608 - our names


def show(layout: Layout, sql: str) -> None:
    """Print a query as a user would give it, and its output. Raises DemoError when it fails."""
    click.echo(f'\n$ attention-sidecar query --archive {layout.archive} "{sql}"')
    try:
        done = subprocess.run(
            layout.query_command(sql),
            capture_output=True,
            text=True,
            check=False,
            timeout=_QUERY_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"the query took more than {_QUERY_SECONDS} s") from None
    if done.returncode or not done.stdout.strip():
        raise DemoError(f"the query gave nothing (code {done.returncode}): {done.stderr.strip()}")
    click.echo(done.stdout.rstrip())


def _archived(layout: Layout) -> int:
    return int(archive.open(layout.archive).dataset.count_rows()) if layout.archive.is_dir() else 0
