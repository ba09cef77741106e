"""Find the heads that copy from documents, and show what was found."""

from pathlib import Path
from typing import Any

import click

from sidecar.cli import options

_UNDECIDED = 3


@click.group()
def heads() -> None:
    """Find the heads that copy from documents, once for each model revision."""


@heads.command()
@options.config
@click.option("--url", required=True, help="Address of the model's OpenAI-compatible server.")
@click.option("--model", required=True, help="Name of the model, as requests give it.")
@click.option(
    "--prompts",
    required=True,
    type=click.Path(path_type=Path),
    help="Prompts with known answers: a JSON object a line.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="File to write the result to."
)
@click.option("--daemon", help="Address of the daemon; by default from the settings.")
@options.archive
@click.option(
    "--most", type=click.IntRange(1), default=8, show_default=True, help="Heads to choose at most."
)
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Output tokens of an answer at most.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Requests at a time.",
)
@click.option("--api-key", envvar="OPENAI_API_KEY", help="Key of the server, if it wants one.")
def calibrate(config: Path | None, daemon: str | None, **given: Any) -> None:
    """Run a served model over prompts with known answers and write which heads copy.

    Exits with 1 when something does not work, and with 3 when it works but the samples do not tell.
    """
    from sidecar.calibration.command import Failed, Undecided, run

    try:
        with options.client(config, daemon) as client:
            run(client, **given, tell=lambda line: click.echo(line, err=True))
    except Undecided as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(_UNDECIDED) from None
    except Failed as error:
        raise click.ClickException(str(error)) from None


@heads.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print the calibrated heads of a file, and a map of all scores."""
    from sidecar.calibration import CalibrationError, load
    from sidecar.calibration.report import lines

    try:
        click.echo("\n".join(lines(load(file))))
    except CalibrationError as error:
        raise click.ClickException(str(error)) from None
