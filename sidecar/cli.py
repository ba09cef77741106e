"""The command line: each command parses, calls the library, prints."""

import click

import sidecar


@click.group()
@click.version_option(sidecar.__version__, prog_name="attention-sidecar")
def main() -> None:
    """Attention summaries of a running vLLM: publish them, query them, look after them."""
