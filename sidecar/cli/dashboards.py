"""Dashboards without a Grafana: previews of them."""

import math
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from sidecar.grafana import preview as previews
    from sidecar.grafana.boards import Board

_SPANS = {"m": 60, "h": 3600, "d": 86_400}


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhd])", text)
    if not match or not float(match[1]):
        raise click.BadParameter(f"{text!r}: should be a number and m, h or d, such as 30m")
    return float(match[1]) * _SPANS[match[2]]


def _positive(_context: click.Context, _parameter: click.Parameter, seconds: float) -> float:
    if not (math.isfinite(seconds) and seconds > 0):
        raise click.BadParameter(f"{seconds:g}: should be seconds above 0, such as 15")
    return seconds


def _writable(
    _context: click.Context, _parameter: click.Parameter, file: Path | None
) -> Path | None:
    """Found out before anything is drawn."""
    if file and (file.is_dir() or not file.parent.is_dir()):
        wrong = "is a folder" if file.is_dir() else f"there is no folder {str(file.parent)!r}"
        raise click.BadParameter(f"{str(file)!r}: {wrong}; should be a file to write")
    return file


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
    "--scrape-interval", default=15.0, show_default=True, callback=_positive,
    help="Prometheus's, in seconds.",
)  # fmt: skip
@click.option(
    "--choose", multiple=True, metavar="NAME=VALUE",
    help="Value of a variable, as it is written; repeat it for several.",
)  # fmt: skip
@click.option(
    "--record", type=click.Path(path_type=Path), callback=_writable,
    help="Keep all answers in this file.",
)  # fmt: skip
@click.option(
    "--recorded",
    type=click.Path(path_type=Path),
    help="Read answers, span and scrape interval from such a file instead of a Prometheus.",
)
@click.option(
    "--out",
    default=Path("previews"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
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
        if recorded:
            _refuse_what_a_recording_has()
        wanted = _wanted([one for one in boards() if one.has_queries], names)
        chosen = _chosen(choose, wanted)
        answers, shown = _source(prometheus, span, end, scrape_interval, recorded)
        kept = previews.Recording(answers)
        previews.check(wanted, kept, shown, chosen)
        values = previews.in_queries(chosen)
        errors = []
        for board in wanted:
            errors += previews.write(board, kept, shown, out, values)
            click.echo(out / f"{board.uid}.html")
        if record:
            kept.save(record, shown.start, shown.end, shown.scrape)
    except (BoardError, previews.PreviewError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"--out {str(out)!r}: {error.strerror or error}") from None
    if errors:
        raise click.ClickException("\n".join(errors))


def _refuse_what_a_recording_has() -> None:
    context = click.get_current_context()
    for name in ("prometheus", "span", "end", "scrape_interval"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option}: a recording has its own; leave it out")


def _wanted(drawn: Sequence["Board"], names: Sequence[str]) -> list["Board"]:
    known = {one.uid.split("-", 1)[1]: one for one in drawn}
    for name in names:
        if name not in known:
            raise click.UsageError(f"no dashboard is called {name!r}; there are {', '.join(known)}")
    return [one for name, one in known.items() if not names or name in names]


def _chosen(pairs: Sequence[str], wanted: Sequence["Board"]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    known = dict.fromkeys(name for board in wanted for name in board.variables())
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--choose {pair!r}: should be NAME=VALUE")
        if name not in known:
            raise click.UsageError(
                f"--choose {pair!r}: no variable is called {name!r}; there are {', '.join(known)}"
            )
        chosen.setdefault(name, []).append(value)
    return chosen


def _source(
    url: str, span: float, end: datetime | None, scrape: float, recorded: Path | None
) -> tuple["previews.Answers", "previews.Span"]:
    from sidecar.grafana import preview as previews

    if recorded:
        replay = previews.Recorded(recorded)
        return replay, previews.Span(replay.start, replay.end, replay.scrape)
    until = end.replace(tzinfo=UTC).timestamp() if end else time.time()
    if span >= until:
        raise click.UsageError("--span and --end: the span should begin after 1970")
    return previews.Live(url), previews.Span(until - span, until, scrape)
