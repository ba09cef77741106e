"""The command line: each command parses, calls the library, prints."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import sidecar

if TYPE_CHECKING:
    from sidecar.config import Settings
    from sidecar.daemon.client import Client


@click.group()
@click.version_option(sidecar.__version__, prog_name="attention-sidecar")
def main() -> None:
    """Attention summaries of a running vLLM: publish them, query them, look after them."""


def _settings(file: Path | None, pairs: tuple[str, ...] = ()) -> "Settings":
    from sidecar import config

    tree: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        section, dot, field = name.partition(".")
        if not (equals and dot):
            raise click.UsageError(f"--set {pair!r}: should be section.key=value")
        tree.setdefault(section, {})[field] = _value(text)
    try:
        return config.load(tree, file=file)
    except config.SettingsError as error:
        raise click.ClickException(str(error)) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text) if text.startswith(("[", "{")) else text
    except ValueError:
        return text


_config = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (TOML).", metavar="FILE"
)
_set = click.option(
    "--set", "pairs", multiple=True, metavar="SECTION.KEY=VALUE", help="Override a setting."
)
_url = click.option("--url", help="Address of the daemon; by default from the settings.")
_daemon_url = click.option("--daemon", help="Address of the daemon; by default from the settings.")
_archive = click.option(
    "--archive", "path", type=click.Path(path_type=Path), help="Folder of the archive."
)


@main.command()
@_config
@_set
def daemon(config: Path | None, pairs: tuple[str, ...]) -> None:
    """Take samples in; publish them to Prometheus and the archive until told to stop."""
    settings = _settings(config, pairs)
    from sidecar.daemon.service import serve

    raise SystemExit(serve(settings))


def _client(config: Path | None, url: str | None) -> "Client":
    from sidecar.daemon.client import Client

    return Client(_settings(config).http, url)


@main.command()
@_config
@_url
@click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")
def status(config: Path | None, url: str | None, as_json: bool) -> None:
    """Show taps, sinks and what was lost."""
    from sidecar.daemon.client import Unreachable
    from sidecar.daemon.report import lines

    try:
        found = _client(config, url).status()
    except Unreachable as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


@main.group()
def sampling() -> None:
    """Show or change what the taps sample, while they run."""


@sampling.command()
@_config
@_url
def show(config: Path | None, url: str | None) -> None:
    """Print the sampling settings in force."""
    from sidecar.daemon.client import Unreachable

    try:
        click.echo(json.dumps(_client(config, url).sampling(), indent=2))
    except Unreachable as error:
        raise click.ClickException(str(error)) from None


@sampling.command(name="set")
@_config
@_url
@click.option("--rate", type=float, help="Share of requests, 0 to 1.")
@click.option("--stride", type=int, help="Every how many output steps.")
@click.option(
    "--budget-ms",
    "budget_ms_per_s",
    type=float,
    help="Milliseconds the tap may spend in each second.",
)
@click.option("--layers", help="'4,8,12', 'every:N', 'all' or 'auto'.")
def set_sampling(config: Path | None, url: str | None, **given: Any) -> None:
    """Change sampling settings until the daemon stops; taps follow within 2 s."""
    from sidecar.daemon.client import Unreachable

    fields = {name: value for name, value in given.items() if value is not None}
    if fields.get("layers", "").replace(",", "").isdigit():
        fields["layers"] = [int(layer) for layer in fields["layers"].split(",") if layer]
    if not fields:
        raise click.UsageError("nothing to set: give --rate, --stride, --budget-ms or --layers")
    try:
        click.echo(json.dumps(_client(config, url).change_sampling(fields), indent=2))
    except Unreachable as error:
        raise click.ClickException(str(error)) from None


@main.command()
@_config
@_url
def doctor(config: Path | None, url: str | None) -> None:
    """Check the installation, a line for each thing; the exit code is 1 when something fails."""
    settings = _settings(config)
    from sidecar.doctor import examine

    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    failed = False
    for check in examine(settings, url):
        failed |= check.verdict == "fail"
        click.echo(
            click.style(check.verdict, colours[check.verdict]) + str(check)[len(check.verdict) :]
        )
    raise SystemExit(failed)


@main.group()
def archive() -> None:
    """Look after the archive of a running daemon."""


@archive.command()
@_config
@_url
def flush(config: Path | None, url: str | None) -> None:
    """Close the archive's files now, so that queries see every sample so far."""
    from sidecar.daemon.client import Unreachable

    try:
        _client(config, url).flush_archive()
    except Unreachable as error:
        raise click.ClickException(str(error)) from None


@main.group()
def heads() -> None:
    """Find the heads that copy from documents, once for each model revision."""


@heads.command()
@_config
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
@_daemon_url
@_archive
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
def calibrate(config: Path | None, **given: Any) -> None:
    """Run a served model over prompts with known answers and write which heads copy.

    Exits with 1 when something does not work, and with 3 when it works but the samples do not tell.
    """
    from sidecar.calibration.command import Failed, Undecided, run
    from sidecar.daemon.client import Unreachable

    client = _client(config, given.pop("daemon"))
    try:
        run(client, **given, tell=lambda line: click.echo(line, err=True))
    except Undecided as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(3) from None
    except (Failed, Unreachable) as error:
        raise click.ClickException(str(error)) from None


@heads.command(name="show")
@click.argument("file", type=click.Path(path_type=Path))
def show_heads(file: Path) -> None:
    """Print the calibrated heads of a file, and a map of all scores."""
    from sidecar.calibration import CalibrationError, load
    from sidecar.calibration.report import lines

    try:
        click.echo("\n".join(lines(load(file))))
    except CalibrationError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("sql")
@_config
@_archive
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
        for line in answer(path or _settings(config).archive.path, sql, form):
            click.echo(line)
    except QueryFailed as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option(
    "--fault",
    type=click.Choice(
        [
            "closed-book",
            "retriever",
            "template",
            "stale",
            "longer-documents",
            "more-documents",
            "topic-mix",
            "no-prefix-cache",
        ]
    ),
    envvar="DEMO_FAULT",
    default="closed-book",
    show_default=True,
    help="What is rolled out; the last four are benign.",
)
@click.option("--once", is_flag=True, envvar="DEMO_ONCE", help="End when the story is told.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=5),
    default=50.0,
    show_default=True,
    help="Traffic before the fault, and again after it.",
)
@click.option(
    "--folder",
    default=Path("demo-run"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Logs and archive; those of an earlier run are replaced.",
)
def demo(fault: str, once: bool, seconds: float, folder: Path) -> None:
    """Serve a small model with vLLM, roll out a fault and watch answers and attention."""
    from sidecar.demo.story import tell

    raise SystemExit(tell(folder, fault=fault, seconds=seconds, once=once))
