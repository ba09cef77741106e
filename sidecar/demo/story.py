"""What the demo does, in order: start, ask, show, prove that samples arrived, stop."""

import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from sidecar import archive
from sidecar.demo import layout as layouts
from sidecar.demo.layout import Layout
from sidecar.demo.processes import Child, DemoError, answers
from sidecar.demo.readings import Reading, scrape, tap_reason
from sidecar.demo.screen import Screen, View
from sidecar.demo.traffic import Traffic

ONCE_SECONDS = 30.0
_START_SECONDS, _ARCHIVE_SECONDS = 480.0, 30.0
_REFRESH_SECONDS, _COST_WINDOW = 1.0, 10
BY_ROUTE = (
    "select route, count(*) samples, round(avg(context_share), 3) context_share "
    "from samples group by route order by route"
)
COPYING_HEADS = (
    "select layer, head, round(avg(copied::int), 2) copy_rate "
    "from heads group by all order by copy_rate desc limit 5"
)


def tell(folder: Path, *, once: bool) -> int:
    """Run the demo and return the exit status; a SIGTERM counts as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(folder, once=once)
    except DemoError as error:
        click.echo(f"demo failed: {error}", err=True)
        return 1
    except KeyboardInterrupt:
        click.echo("stopped before the demo was over")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


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
            if not once:
                click.echo("Ctrl-C ends the demo")
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
    daemon.wait_until(lambda: answers(f"{layout.daemon_url}/metrics"), seconds=60, what="the start")
    click.echo(f"starting vLLM on the CPU, about 40 s (log {engine.log})")
    ready = f"{layout.engine_url}/health"
    seconds = engine.wait_until(lambda: answers(ready), seconds=_START_SECONDS, what="the start")
    click.echo(f"vLLM is up after {seconds:.0f} s; asking questions over three routes")
    click.echo(f"metrics: {layout.daemon_url}/metrics")


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
    """All samples that are on the metrics page get into the archive, or the demo has failed."""
    published = scrape(layout.daemon_url).samples()
    if not published:
        said = tap_reason(layout.daemon_url)
        raise DemoError(f"no sample on /metrics; the tap says: {said}\n{daemon.tail()}")
    click.echo(f"{published} samples on /metrics; the archive closes its file within seconds")
    daemon.wait_until(
        lambda: _archived(layout) >= published,
        seconds=_ARCHIVE_SECONDS,
        what=f"the way of {published} samples to the archive",
    )
    click.echo(f"{_archived(layout)} samples in the archive")


def _archived(layout: Layout) -> int:
    return int(archive.open(layout.archive).dataset.count_rows()) if layout.archive.is_dir() else 0


def _explain(layout: Layout) -> None:
    click.echo(f"\narchive: {layout.archive}\nmetrics: {layout.daemon_url}/metrics, until now")
    for sql in (BY_ROUTE, COPYING_HEADS):
        click.echo(f'\n$ attention-sidecar query --archive {layout.archive} "{sql}"')
        click.echo(_query(layout, sql))


def _query(layout: Layout, sql: str) -> str:
    """Output of a query; DemoError when it fails."""
    done = subprocess.run(
        layout.query_command(sql), capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode or not done.stdout.strip():
        raise DemoError(f"the query gave nothing (code {done.returncode}): {done.stderr.strip()}")
    return done.stdout.rstrip()
