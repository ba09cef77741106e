"""What the demo does, in order: start, ask, show, prove that samples arrived, stop."""

import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click
import httpx

from sidecar.demo import layout as layouts
from sidecar.demo.layout import Layout
from sidecar.demo.processes import Child, DemoError, answers
from sidecar.demo.readings import Reading, scrape, tap_reason
from sidecar.demo.screen import Screen, View
from sidecar.demo.traffic import Traffic

ONCE_SECONDS = 30.0
_START_SECONDS, _ARRIVE_SECONDS = 300.0, 30.0
_REFRESH_SECONDS, _COST_WINDOW = 1.0, 10
BY_ROUTE = """\
select route, count(*) as samples, round(avg(context_share), 3) as context_share
from samples group by route order by route"""
BY_DOCUMENTS = """\
select documents_declared as documents, round(avg(context_share), 3) as context_share,
round(avg(copy_rate), 3) as copy_rate from samples group by documents order by documents"""


def run(folder: Path, *, once: bool) -> None:
    """Run the demo in ``folder`` until Ctrl-C, or for 30 s of traffic when ``once``.

    Raises DemoError when a process dies or no samples arrive.
    """
    if not (layouts.PLACEHOLDER / "config.json").is_file():
        raise DemoError(f"the placeholder model is missing in {layouts.PLACEHOLDER}")
    layout = layouts.prepare(folder)
    try:
        with ExitStack() as stack:
            daemon = stack.enter_context(_daemon(layout))
            engine = stack.enter_context(_engine(layout))
            _start(layout, daemon, engine)
            _watch(layout, daemon, engine, ONCE_SECONDS if once else None)
            _prove(layout, daemon)
            _explain(layout)
    finally:
        layouts.clean(layout)


def _daemon(layout: Layout) -> Child:
    log = layout.folder / "daemon.log"
    return Child("the daemon", layout.daemon_command(), env=layout.settings(), log=log)


def _engine(layout: Layout) -> Child:
    log = layout.folder / "vllm.log"
    return Child("vLLM", layout.engine_command(), env=layout.engine_environment(), log=log)


def _start(layout: Layout, daemon: Child, engine: Child) -> None:
    click.echo("The model is a small PLACEHOLDER: it copies sentences from its documents.")
    click.echo(f"starting the daemon (log {daemon.log})")
    daemon.wait_until(lambda: answers(f"{layout.daemon_url}/metrics"), seconds=60)
    click.echo(f"starting vLLM on the CPU, about 40 s (log {engine.log})")
    ready = f"{layout.engine_url}/health"
    seconds = engine.wait_until(lambda: answers(ready), seconds=_START_SECONDS)
    click.echo(f"vLLM is up after {seconds:.0f} s; asking questions over three routes")


def _watch(layout: Layout, daemon: Child, engine: Child, seconds: float | None) -> None:
    """Send traffic and show readings until the time is over or Ctrl-C."""
    deadline = time.monotonic() + seconds if seconds else float("inf")
    readings: list[Reading] = [scrape(layout.daemon_url)]
    traffic = Traffic(layout.engine_url, layouts.SERVED_NAME)
    with suppress(KeyboardInterrupt), traffic, Screen() as screen:
        while time.monotonic() < deadline:
            time.sleep(_REFRESH_SECONDS)
            daemon.check()
            engine.check()
            readings = [*readings[-_COST_WINDOW:], scrape(layout.daemon_url)]
            screen.show(View(traffic.tally, readings[0], readings[-1]))
    _check_answers(traffic)


def _check_answers(traffic: Traffic) -> None:
    tally = traffic.tally
    failed, answered = tally.failures.total(), tally.requests.total()
    click.echo(f"{answered} requests answered, {failed} failed")
    if failed or not answered:
        raise DemoError(f"{failed} requests failed; the last: {tally.last_failure or 'none sent'}")


def _prove(layout: Layout, daemon: Child) -> None:
    """Samples are in Prometheus' page and in the archive, or the demo has failed."""
    published = scrape(layout.daemon_url).samples()
    if not published:
        raise DemoError(f"no sample on /metrics; the tap says: {_reason(layout)}\n{daemon.tail()}")
    click.echo(f"{published} samples on /metrics; waiting for the archive to close its file")
    daemon.wait_until(lambda: any(layout.archive.rglob("*.parquet")), seconds=_ARRIVE_SECONDS)


def _reason(layout: Layout) -> str:
    try:
        return tap_reason(layout.daemon_url) or scrape(layout.daemon_url).tap_state()
    except httpx.HTTPError as error:
        return f"nothing ({error})"


def _explain(layout: Layout) -> None:
    click.echo(f"metrics: {layout.daemon_url}/metrics (while the demo runs)")
    click.echo(f"archive: {layout.archive}")
    for sql in (BY_ROUTE, BY_DOCUMENTS):
        click.echo(f'\nATTENTION_ARCHIVE__PATH={layout.archive} attention-sidecar query "{sql}"')
        click.echo(_query(layout, sql))


def _query(layout: Layout, sql: str) -> str:
    """Output of a query; DemoError when it fails."""
    done = subprocess.run(
        layout.query_command(sql),
        env=layout.query_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode or not done.stdout.strip():
        raise DemoError(f"the query gave nothing (code {done.returncode}): {done.stderr.strip()}")
    return done.stdout.rstrip()
