"""Drift detection over history; `drift from-kafka` is with the other commands of Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidecar.cli import options

if TYPE_CHECKING:
    from sidecar.drift.baseline import Baseline
    from sidecar.drift.replay import Replay

_ALARM = 3


@click.group()
def drift() -> None:
    """Whether signals have left their baseline."""


@drift.command()
@options.config
@options.archive
@click.option(
    "--baseline",
    "frozen",
    required=True,
    type=click.Path(path_type=Path),
    help="File of `baseline build`.",
    metavar="FILE",
)
@click.option(
    "--where",
    default="true",
    show_default=True,
    help="Which samples, as SQL over the view samples.",
)
@click.option("--against", metavar="SQL", help="A second version, to be shown beside it.")
@click.option("--fail-on-alarm", is_flag=True, help="Exit with 3 when --where raises an alert.")
@click.option(
    "--html", type=click.Path(path_type=Path), help="Write a report with plots.", metavar="FILE"
)
@click.option(
    "--run-length",
    type=click.FloatRange(min=1),
    help="Requests of a stream to a false alarm, at least on average; 10,000,000 by default.",
)
@click.option(
    "--streams",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Streams of the baseline that are watched at most.",
)
def replay(
    config: Path | None,
    path: Path | None,
    *,
    frozen: Path,
    where: str,
    against: str | None,
    fail_on_alarm: bool,
    html: Path | None,
    run_length: float | None,
    streams: int,
) -> None:
    """Run the monitor over an archive, as if it came in now.

    Prints alerts, and the condition of every stream. Exits with 0 when it ran; with 3 when there
    was an alert and --fail-on-alarm is given; with 1 when something does not work, or with
    --fail-on-alarm when a stream of the baseline is unmeasured, where no alert means nothing.
    """
    from sidecar.archive import QueryFailed
    from sidecar.drift import BaselineError, Policy, load
    from sidecar.drift.replay import lines, replay

    policy = Policy(run_length=run_length) if run_length else Policy()
    folder = path or options.settings(config).archive.path
    try:
        baseline = load(frozen)
        versions = [
            replay(folder, baseline, where=one, policy=policy, most_streams=streams)
            for one in ([where] if against is None else [against, where])
        ]
    except (QueryFailed, BaselineError) as error:
        raise click.ClickException(str(error)) from None
    for one in versions:
        if against is not None:
            click.echo(f"where {one.where}")
        click.echo("\n".join(lines(one)))
    if html:
        _write(html, baseline, versions)
    if fail_on_alarm:
        _judge(versions[-1], baseline)


def _judge(one: "Replay", baseline: "Baseline") -> None:
    if one.fired:
        raise SystemExit(_ALARM)
    unmeasured = [
        f"{stream} ({one.conditions[stream].reason})"
        for stream in baseline.streams()
        if one.conditions[stream].health == "unmeasured"
    ]
    if unmeasured:
        raise click.ClickException(
            f"unmeasured, so that no alert means nothing there: {'; '.join(unmeasured)}"
        )


def _write(file: Path, baseline: "Baseline", versions: "list[Replay]") -> None:
    try:
        from sidecar.drift.replay.page import page
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'attention-sidecar[lab]'"
        ) from None
    try:
        file.write_text(page(baseline, versions), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"--html {str(file)!r}: {error.strerror}") from None
    click.echo(f"report written to {file}", err=True)
