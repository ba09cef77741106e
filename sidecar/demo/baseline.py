"""Makes the demo's baseline: what the grounded model's signals are while nothing is rolled out.

``python -m sidecar.demo.baseline`` serves the model until the reference is large enough. The file
lies beside the model and is of its weights alone: a model that is trained anew needs another one.
"""

import random
import time
from pathlib import Path

import click

from sidecar import archive
from sidecar.demo import faults
from sidecar.demo import layout as layouts
from sidecar.demo.deployment import Deployment
from sidecar.demo.faults import HEALTHY, Change
from sidecar.demo.layout import Layout
from sidecar.demo.processes import Child, DemoError, answers
from sidecar.demo.traffic import Traffic
from sidecar.demo.world import Case, World
from sidecar.drift import Requests, Stream, read
from sidecar.drift.baseline import Baseline
from sidecar.drift.baseline.build import NothingFits, build

MARGIN = 0.01
"""Wider than usual, so that the reference takes minutes; the faults move the score by far more."""
_USERS, _LOOK_SECONDS, _START_SECONDS = 8, 20.0, 60.0
_LONGER, _MORE = 0.2, 0.2


def varied(world: World, case: Case) -> Case:
    """Documents as long, and as many, as the benign changes have them, among healthy ones.

    A regression knows the lengths that it has seen: a reference has to cover what may come.
    """
    choice = random.Random(case.question).random()  # noqa: S311
    if choice < _LONGER:
        return faults.longer(world, case)
    return faults.more(world, case) if choice < _LONGER + _MORE else case


REFERENCE = Change(
    "reference", "Healthy documents of every length.", HEALTHY.split, True, retrieve=varied
)


def make(folder: Path, *, margin: float, minutes: float) -> Baseline:
    """Serve and ask until every signal that pages has a reference, for ``minutes`` at most.

    Raises DemoError when something dies or the time is over.
    """
    layout = layouts.prepare(folder)
    settings = {**layout.settings(), "ATTENTION_SAMPLING__BUDGET_MS_PER_S": "0"}
    daemon = Child("the daemon", layout.daemon_command(), env=settings, log=folder / "daemon.log")
    try:
        with daemon, Deployment(layout) as deployment:
            ready = f"{layout.daemon_url}/health/ready"
            daemon.wait_until(lambda: answers(ready), seconds=_START_SECONDS, what="the start")
            deployment.deploy(HEALTHY)
            with Traffic(
                layout.engine_url, layouts.SERVED_NAME, REFERENCE, seed="reference", users=_USERS
            ):
                return _gathered(
                    layout, deployment, daemon, margin, time.monotonic() + 60 * minutes
                )
    finally:
        layouts.clean(layout)


def _gathered(
    layout: Layout, deployment: Deployment, daemon: Child, margin: float, deadline: float
) -> Baseline:
    where = f"model_revision = '{layouts.revision(HEALTHY.model)}'"
    while True:
        time.sleep(_LOOK_SECONDS)
        daemon.check()
        deployment.engine.check()
        streams = read(layout.archive, where) if archive.open(layout.archive).files else {}
        left: list[str] = []
        found = _built(streams, where, margin, left)
        click.echo(f"{sum(map(len, streams.values()))} requests; {left[0] if left else 'enough'}")
        if found and not left:
            return found
        if time.monotonic() > deadline:
            raise DemoError(f"the time is over; {'; '.join(left)}")


def _built(
    streams: dict[Stream, Requests], where: str, margin: float, left: list[str]
) -> Baseline | None:
    """The baseline, None while there is none; what it lacks goes to ``left``."""
    try:
        return build(streams, where=where, margin=margin, tell=left.append)
    except NothingFits as error:
        left.append(str(error))
        return None


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=layouts.baseline_file(), help="File to write."
)
@click.option("--margin", default=MARGIN, show_default=True, help="As of `baseline build`.")
@click.option("--minutes", default=60.0, show_default=True, help="After which it gives up.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("demo-run"),
    show_default=True,
    help="Logs and archive; those of an earlier run are replaced.",
)
def main(out: Path, margin: float, minutes: float, folder: Path) -> None:
    """Make the baseline of the bundled grounded model."""
    try:
        make(folder, margin=margin, minutes=minutes).save(out)
    except DemoError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"written to {out}")


if __name__ == "__main__":
    main()
