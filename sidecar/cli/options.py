"""What several commands share: options, the settings they give and a client of the daemon."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sidecar.config import Settings
    from sidecar.daemon.client import Client

config = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (TOML).", metavar="FILE"
)
pairs = click.option(
    "--set", "pairs", multiple=True, metavar="SECTION.KEY=VALUE", help="Override a setting."
)
url = click.option("--url", help="Address of the daemon; by default from the settings.")
archive = click.option(
    "--archive", "path", type=click.Path(path_type=Path), help="Folder of the archive."
)


def settings(file: Path | None, pairs: tuple[str, ...] = ()) -> "Settings":
    """Settings from the file, the environment and ``--set``. Raises ClickException."""
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


@contextmanager
def client(file: Path | None, url: str | None) -> Iterator["Client"]:
    """A client of the daemon; one that does not answer, or refuses, is told in a line."""
    from sidecar.daemon.client import Client, Unreachable

    try:
        yield Client(settings(file).http, url)
    except Unreachable as error:
        raise click.ClickException(str(error)) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text) if text.startswith(("[", "{")) else text
    except ValueError:
        return text
