"""The command line: each command parses, calls the library, prints."""

import click

import sidecar
from sidecar.cli.archive import archive, query
from sidecar.cli.baseline import baseline
from sidecar.cli.daemon import daemon, doctor, status
from sidecar.cli.demo import demo
from sidecar.cli.heads import heads
from sidecar.cli.sampling import sampling


@click.group()
@click.version_option(sidecar.__version__, prog_name="attention-sidecar")
def main() -> None:
    """Attention summaries of a running vLLM: publish them, query them, look after them."""


for command in (daemon, status, sampling, doctor, archive, heads, baseline, query, demo):
    main.add_command(command)
