"""The tree of all sections, and how it is read."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from sidecar.config.daemon import Archive, Daemon, Heads, Http, Metrics, Wire
from sidecar.config.drift import Drift
from sidecar.config.engine import Engine, Sampling
from sidecar.config.fields import Section
from sidecar.config.kafka import Kafka
from sidecar.config.otel import Otel
from sidecar.sources import (
    SettingsError,
    Tree,
    from_environment,
    from_file,
    merged,
    shown,
    suggestion,
)


class Settings(Section):
    """All settings of the tap and the daemon."""

    sampling: Sampling = Sampling()
    engine: Engine = Engine()
    wire: Wire = Field(default_factory=Wire)
    http: Http = Http()
    heads: Heads = Heads()
    metrics: Metrics = Metrics()
    archive: Archive = Archive()
    otel: Otel = Otel()
    kafka: Kafka = Kafka()
    drift: Drift = Drift()
    daemon: Daemon = Daemon()


def load(overrides: Tree | None = None, *, file: Path | None = None) -> Settings:
    """Read the settings; ``overrides`` are nested like the tree and come from flags.

    ``file`` takes the place of the one that ``ATTENTION_CONFIG`` names.
    Raises SettingsError with one line for each wrong field.
    """
    named = file or os.environ.get("ATTENTION_CONFIG")
    in_file = from_file(Path(named)) if named else {}
    tree = merged(in_file, from_environment(os.environ, names()), overrides or {})
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_sentence, error.errors()))) from None


def names() -> list[str]:
    """Every setting's dotted name, such as ``sampling.rate``."""
    sections = Settings.model_fields.items()
    return [
        f"{section}.{field}" for section, kind in sections for field in _fields(kind.annotation)
    ]


def _fields(section: Any) -> list[str]:
    return list(section.model_fields)


def _sentence(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{field}: {suggestion(field, names())}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{field}: {message}, got {shown(field, problem['input'])}"
