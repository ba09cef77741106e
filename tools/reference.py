"""Reference from the code: ``<!-- reference:settings -->`` and the other names in `PRODUCERS`.

``python -m tools.reference`` writes README and docs; with ``--check`` it only compares.
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic_core import PydanticUndefined

from dashboards.rules.table import ALERTS
from sidecar import cli, config, schema, sources
from sidecar.archive import columns
from sidecar.daemon import catalogue
from sidecar.signals.definitions import definitions
from tools import blocks


def settings() -> str:
    """For each section its purpose and a table of its settings."""
    sections = {name: field.annotation for name, field in config.Settings.model_fields.items()}
    return "\n\n".join(
        f"## {name}\n\n{inspect.getdoc(section)}\n\n{_settings_table(name, section)}"
        for name, section in sections.items()
    )


def commands() -> str:
    """Every command with its options."""
    return "\n\n".join(_command(*pair) for pair in walk(cli.main, "attention-sidecar"))


def record() -> str:
    """The columns of a sample."""
    rows = (
        (f"`{field.name}`", f"`{field.type}`", "yes" if field.nullable else "", _doc(field))
        for field in schema.RECORD
    )
    return _table(("Column", "Type", "Null", "Meaning"), rows)


def archive() -> str:
    """The columns of the archive with their precision."""
    return _table(columns.HEADING, columns.rows())


def signals() -> str:
    """The signals with formula and source."""
    rows = (
        (f"`{d.name}`", d.meaning, _cell(d.formula), d.unmeasured, _cell(d.source))
        for d in definitions()
    )
    return _table(("Signal", "Meaning", "Formula", "Not measured", "Source"), rows)


def metrics() -> str:
    """The metrics with their labels."""
    rows = (
        (f"`{m.name}`", m.kind, ", ".join(f"`{name}`" for name in m.labels), _cell(m.doc))
        for m in catalogue.metrics()
    )
    return _table(("Metric", "Type", "Labels", "Meaning"), rows)


def alerts() -> str:
    """The alerts with their severity."""
    rows = (
        (f"[{a.name}](runbooks/{a.name}.md)", a.severity, a.wait, _words(a.summary))
        for a in ALERTS.values()
    )
    return _table(("Alert", "Severity", "After", "Says"), rows)


PRODUCERS = {
    "alerts": alerts,
    "settings": settings,
    "cli": commands,
    "record": record,
    "archive": archive,
    "signals": signals,
    "metrics": metrics,
}


def produce(name: str) -> str:
    """The block of a name. Raises KeyError."""
    return PRODUCERS[name]()


def _settings_table(section: str, model: Any) -> str:
    rows = (
        (
            f"`{name}`",
            f"`{_default(name, field)}`",
            _cell(field.description or ""),
            f"`{sources.variable(f'{section}.{name}')}`",
        )
        for name, field in model.model_fields.items()
    )
    return _table(("Setting", "Default", "Meaning", "Variable"), rows)


def _default(name: str, field: Any) -> str:
    if field.default is PydanticUndefined:
        return f"ipc://$XDG_RUNTIME_DIR/attention-sidecar-UID/{name}"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "none" if field.default is None else str(field.default)


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, by the words that call them."""
    yield path, command
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from walk(child, f"{path} {name}")


def _command(path: str, command: click.Command) -> str:
    usage = " ".join([path, *command.collect_usage_pieces(click.Context(command))])
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    parts = [f"## `{path}`", f"`{usage}`", inspect.cleandoc(command.help or "")]
    if options:
        parts.append(_table(("Option", "Default", "Meaning"), map(_option, options)))
    return "\n\n".join(parts)


def _words(template: str) -> str:
    """A template with its labels in italics."""
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", template)


def _option(option: click.Option) -> tuple[str, ...]:
    value = f" {option.metavar}" if option.metavar else ""
    names = ", ".join(f"`{name}{value}`" for name in [*option.opts, *option.secondary_opts])
    shown = isinstance(option.default, str | int | float | Path) and not option.is_flag
    return names, f"`{option.default}`" if shown else "", _cell(option.help or "")


def _doc(field: Any) -> str:
    return _cell(field.metadata[b"doc"].decode())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(blocks.main("reference", produce, sys.argv[1:], blocks.documents()))
