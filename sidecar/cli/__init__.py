"""The command line: each command parses, calls the library, prints."""

import click

import sidecar
from sidecar.cli import (
    archive,
    baseline,
    daemon,
    dashboards,
    demo,
    drift,
    grafana,
    heads,
    kafka,
    sampling,
)


@click.group()
@click.version_option(sidecar.__version__, prog_name="attention-sidecar")
def main() -> None:
    """Attention summaries of a running vLLM: publish them, query them, look after them."""


for command in (
    daemon.daemon,
    daemon.status,
    sampling.sampling,
    daemon.doctor,
    archive.archive,
    heads.heads,
    baseline.baseline,
    drift.drift,
    archive.query,
    kafka.kafka,
    kafka.tail,
    dashboards.dashboards,
    grafana.grafana,
    demo.demo,
):
    main.add_command(command)
archive.archive.add_command(kafka.from_kafka)
drift.drift.add_command(kafka.watch_fleet)
