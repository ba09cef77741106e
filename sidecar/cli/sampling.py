"""Show or change what the taps sample."""

import json
from pathlib import Path
from typing import Any

import click

from sidecar.cli import options


@click.group()
def sampling() -> None:
    """Show or change what the taps sample, while they run."""


@sampling.command()
@options.config
@options.url
def show(config: Path | None, url: str | None) -> None:
    """Print the sampling settings in force."""
    with options.client(config, url) as client:
        click.echo(json.dumps(client.sampling(), indent=2))


@sampling.command(name="set")
@options.config
@options.url
@click.option("--rate", type=float, help="Share of requests, 0 to 1.")
@click.option("--stride", type=int, help="Every how many output steps.")
@click.option(
    "--budget-ms",
    "budget_ms_per_s",
    type=float,
    help="Milliseconds the tap may spend in each second.",
)
@click.option("--layers", help="'4,8,12', 'every:N', 'all' or 'auto'.")
def change(config: Path | None, url: str | None, **given: Any) -> None:
    """Change sampling settings until the daemon stops; taps follow within 2 s."""
    fields = {name: value for name, value in given.items() if value is not None}
    if fields.get("layers", "").replace(",", "").isdigit():
        fields["layers"] = [int(layer) for layer in fields["layers"].split(",") if layer]
    if not fields:
        raise click.UsageError("nothing to set: give --rate, --stride, --budget-ms or --layers")
    with options.client(config, url) as client:
        click.echo(json.dumps(client.change_sampling(fields), indent=2))
