"""Kafka: the commands that make its topics, live samples, archiver and monitor of a fleet."""

import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sidecar.cli import options

if TYPE_CHECKING:
    from sidecar.config import Settings


@click.group()
def kafka() -> None:
    """Prepare Kafka for the daemon."""


@kafka.command()
@options.config
@options.pairs
@click.option(
    "--partitions",
    type=click.IntRange(1),
    default=6,
    show_default=True,
    help="Partitions of samples and of whole batches; as many archivers can share the latter.",
)
@click.option(
    "--replicas",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Replication factor; at most the number of brokers.",
)
def topics(config: Path | None, pairs: tuple[str, ...], partitions: int, replicas: int) -> None:
    """Print the `kafka-topics.sh` commands that make the topics."""
    from sidecar.daemon.sinks.kafka.topics import commands

    for command in commands(options.settings(config, pairs).kafka, partitions, replicas):
        click.echo(command)


@kafka.command(name="schema")
def avro_schema() -> None:
    """Print the Avro schema of samples, for a schema registry."""
    from sidecar.daemon.sinks.kafka.avro import avro_schema

    click.echo(json.dumps(avro_schema(), indent=2))


def _limits(_context: Any, _option: Any, pairs: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    from sidecar.schema import SIGNAL_NAMES

    found = []
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in SIGNAL_NAMES:
            raise click.BadParameter(f"{name!r} is none of the signals {', '.join(SIGNAL_NAMES)}")
        try:
            found.append((name, float(text)))
        except ValueError:
            raise click.BadParameter(f"{pair!r}: should be SIGNAL=NUMBER") from None
    return tuple(found)


@click.command()
@options.config
@options.pairs
@click.option("--route", help="Samples of this route only.")
@click.option("--model", help="Samples of this model only.")
@click.option(
    "--below", multiple=True, callback=_limits, metavar="SIGNAL=NUMBER", help="Signal below this."
)
@click.option(
    "--above", multiple=True, callback=_limits, metavar="SIGNAL=NUMBER", help="Signal above this."
)
@click.option("--from-start", is_flag=True, help="Begin with the oldest sample that Kafka has.")
@click.option("--count", type=click.IntRange(1), help="End after so many samples.")
@click.option("--json", "as_json", is_flag=True, help="Print whole samples, a JSON object a line.")
def tail(
    config: Path | None,
    pairs: tuple[str, ...],
    from_start: bool,
    count: int | None,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Show samples from Kafka as they come."""
    settings = _connected(config, pairs)
    with _explained():
        from sidecar.daemon.consumers.tail import Filter, follow, line

        chosen = Filter(**wanted)
        more = tuple(name for name, _ in (*chosen.below, *chosen.above))
        tell, shown = partial(click.echo, err=True), 0
        for row in follow(settings.kafka, from_start=from_start, tell=tell):
            if row is None or not chosen.passes(row):
                continue
            click.echo(json.dumps(row, allow_nan=False) if as_json else line(row, more))
            shown += 1
            if shown == count:
                return


@click.command(name="from-kafka")
@options.config
@options.pairs
@click.option(
    "--group", default="attention-drift", show_default=True, help="Name of the consumer group."
)
@click.option(
    "--from-start", is_flag=True, help="A new group begins with the oldest sample that Kafka has."
)
def watch_fleet(
    config: Path | None, pairs: tuple[str, ...], group: str, *, from_start: bool
) -> None:
    """Watch what the daemons of a fleet send to Kafka, and tell alerts once; ends on SIGTERM.

    One member of the group watches at a time; others stand by.
    """
    settings = _connected(config, pairs)
    if not settings.drift.baseline:
        raise click.ClickException("drift.baseline: should name a file, is empty")
    with _explained():
        from sidecar.daemon.consumers.fleet import watching
        from sidecar.daemon.service import serve

        raise SystemExit(serve(settings, watching(group, from_start=from_start)))


@click.command(name="from-kafka")
@options.config
@options.pairs
@click.option(
    "--group", default="attention-archivers", show_default=True, help="Name of the consumer group."
)
def from_kafka(config: Path | None, pairs: tuple[str, ...], group: str) -> None:
    """Write what daemons send to Kafka into the archive, as one of a group; ends on SIGTERM."""
    settings = _connected(config, pairs)
    logging.basicConfig(
        level=settings.daemon.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stopped.append(number))
    with _explained():
        from sidecar.daemon.consumers.archiver import Archiver

        Archiver(settings, group).run(lambda: bool(stopped))


def _connected(config: Path | None, pairs: tuple[str, ...]) -> "Settings":
    settings = options.settings(config, pairs)
    if not settings.kafka.bootstrap_servers:
        raise click.ClickException("kafka.bootstrap_servers: should name a broker, is empty")
    if settings.kafka.warning:
        click.echo(f"Warning: {settings.kafka.warning}", err=True)
    return settings


@contextmanager
def _explained() -> Iterator[None]:
    """What does not work is told in a line."""
    try:
        from kafka.errors import KafkaError

        from sidecar.archive import LaterVersion
        from sidecar.daemon.sinks.kafka.client import Away
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'attention-sidecar[kafka]'"
        ) from None
    try:
        yield
    except (Away, KafkaError, LaterVersion, OSError) as error:
        raise click.ClickException(str(error)) from None
