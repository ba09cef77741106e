"""Make, show and compare baselines."""

from pathlib import Path

import click

from sidecar.cli import options

_DIFFERENT = 3


@click.group()
def baseline() -> None:
    """What signals are expected to be: fitted once to a reference, then frozen."""


@baseline.command()
@options.config
@click.option(
    "--from", "path", type=click.Path(path_type=Path), help="Folder of the archive.", metavar="PATH"
)
@click.option(
    "--where",
    default="true",
    show_default=True,
    help="Which samples are the reference, as SQL over the view samples.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, min_open=True),
    default=0.005,
    show_default=True,
    help="How far a mean may move without being a change.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="File to write the result to."
)
def build(config: Path | None, path: Path | None, where: str, margin: float, out: Path) -> None:
    """Fit a baseline for each model, route and signal of an archive.

    What has too few requests is named with the number still missing, and left out. Exits with 1
    when something does not work, or nothing has enough.
    """
    from sidecar.archive import QueryFailed
    from sidecar.drift.baseline.build import NothingFits, build
    from sidecar.drift.features import uncovered
    from sidecar.drift.requests import read

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        streams = read(path or options.settings(config).archive.path, where)
        build(streams, where=where, margin=margin, tell=tell).save(out)
    except (QueryFailed, NothingFits) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"--out {str(out)!r}: {error.strerror}") from None
    for stream, requests in streams.items():
        if period := uncovered(requests.time):
            tell(
                f"{stream}: the reference lacks hours of the {period}, or has them once only: "
                f"a rhythm of the {period} beyond the margin will alarm"
            )
    tell(f"written to {out}")


@baseline.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Draw the baselines of a file."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        raise click.ClickException(
            "rich is missing: pip install 'attention-sidecar[lab]'"
        ) from None
    from sidecar.drift.baseline import BaselineError, load
    from sidecar.drift.baseline.report import draw

    try:
        draw(load(file), Console())
    except BaselineError as error:
        raise click.ClickException(str(error)) from None


@baseline.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
def compare(first: Path, second: Path) -> None:
    """Say whether two files differ, in behaviour or only in traffic.

    Exits with 3 when behaviour differs; with 1 when something does not work, the files share no
    signal, or the second lacks one of the first, such as after a route was renamed.
    """
    from sidecar.drift.baseline import BaselineError, load
    from sidecar.drift.baseline.compare import compare, lines

    try:
        comparison = compare(load(first), load(second))
    except BaselineError as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n".join(lines(comparison)))
    if comparison.differs:
        raise SystemExit(_DIFFERENT)
    if comparison.unknown:
        raise click.ClickException(comparison.unknown)
