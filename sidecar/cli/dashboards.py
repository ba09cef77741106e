"""Dashboards without a Grafana: previews of them."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sidecar.grafana import preview as previews

_SPANS = {"m": 60, "h": 3600, "d": 86_400}


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhd])", text)
    if not match or not float(match[1]):
        raise click.BadParameter(f"{text!r}: should be a number and m, h or d, such as 30m")
    return float(match[1]) * _SPANS[match[2]]


@click.group()
def dashboards() -> None:
    """Look at the dashboards without a Grafana."""


@dashboards.command()
@click.argument("names", nargs=-1)
@click.option(
    "--prometheus",
    default="http://localhost:9090",
    show_default=True,
    help="Address of a Prometheus that scrapes daemon and vLLM.",
)
@click.option(
    "--span", metavar="DURATION", default="1h", show_default=True, callback=_seconds,
    help="How far back: a number and m, h or d.",
)  # fmt: skip
@click.option("--end", type=click.DateTime(), help="End of the span, in UTC; by default now.")
@click.option(
    "--scrape-interval", default=15.0, show_default=True, help="Prometheus's, in seconds."
)
@click.option("--choose", multiple=True, metavar="NAME=VALUE", help="Value of a variable.")
@click.option("--record", type=click.Path(path_type=Path), help="Keep all answers in this file.")
@click.option(
    "--recorded",
    type=click.Path(path_type=Path),
    help="Read answers from such a file instead of a Prometheus.",
)
@click.option(
    "--out",
    default=Path("previews"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the pages and pictures.",
)
def preview(
    *,
    names: tuple[str, ...],
    prometheus: str,
    span: float,
    end: datetime | None,
    scrape_interval: float,
    choose: tuple[str, ...],
    record: Path | None,
    recorded: Path | None,
    out: Path,
) -> None:
    """Draw dashboards as HTML pages and PNG pictures; NAMES chooses some, such as overview."""
    try:
        from sidecar.grafana import preview as previews
        from sidecar.grafana.boards import BoardError, boards
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'attention-sidecar[lab]'"
        ) from None
    try:
        answers, shown = _source(prometheus, span, end, scrape_interval, recorded)
        chosen = dict(_pair(one) for one in choose)
        drawn = [one for one in boards() if one.has_queries]
        wanted = [one for one in drawn if not names or one.uid.split("-", 1)[1] in names]
        if not wanted:
            raise click.UsageError(f"no dashboard is called {' or '.join(names)}")
        kept = previews.Recording(answers)
        errors = []
        for board in wanted:
            errors += previews.write(board, kept, shown, out, chosen)
            click.echo(out / f"{board.uid}.html")
        if record:
            kept.save(record, shown.start, shown.end)
    except (BoardError, previews.PreviewError) as error:
        raise click.ClickException(str(error)) from None
    if errors:
        raise click.ClickException("\n".join(errors))


def _source(
    url: str, span: float, end: datetime | None, scrape: float, recorded: Path | None
) -> tuple["previews.Answers", "previews.Span"]:
    from sidecar.grafana import preview as previews

    if recorded:
        replay = previews.Recorded(recorded)
        return replay, previews.Span(replay.start, replay.end, scrape)
    until = end.replace(tzinfo=UTC).timestamp() if end else time.time()
    return previews.Live(url), previews.Span(until - span, until, scrape)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--choose {text!r}: should be NAME=VALUE")
    return name, value
