"""One settings tree for tap and daemon, from flags, environment and a TOML file, in that order.

``ATTENTION_SAMPLING__RATE=0.2`` sets ``sampling.rate``; ``ATTENTION_CONFIG`` names the file.
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Rate = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class SettingsError(ValueError):
    """A setting is wrong; the message names the field, the value and what would be right."""


def runtime_dir() -> Path:
    """Folder of the sockets and the token, readable by this user alone."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base, f"attention-sidecar-{os.getuid()}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Sampling(_Section):
    """What is sampled. Changeable at run time through the daemon."""

    rate: Rate = 0.1
    """Share of requests that are sampled."""
    stride: Positive = 16
    """Output steps from one sample of a request to the next; the first step is always one."""
    budget_ms_per_s: Annotated[float, Field(ge=0)] = 20.0
    """Milliseconds the tap may spend in each second; above, it lowers its rate. 0 is no limit."""
    layers: str | list[Annotated[int, Field(ge=0)]] = "auto"
    """Layers to summarise: a list, `every:N`, `all`, or `auto` (a spread over the middle and late layers)."""

    @field_validator("layers")
    @classmethod
    def _known_form(cls, value: str | list[int]) -> str | list[int]:
        if isinstance(value, str) and value not in ("auto", "all"):
            kind, _, number = value.partition(":")
            if kind != "every" or not number.isdigit() or int(number) < 1:
                raise ValueError("must be a list of layers, 'every:N', 'all' or 'auto'")
        return value


class Engine(_Section):
    """The tap inside the engine's process."""

    label: str | None = None
    """`engine` label of samples and metrics; by default the engine's index, as in vLLM's metrics."""
    max_documents: Positive = 256
    """Documents a request may name; more is answered with 400."""
    max_segments: Positive = 512
    """Segments a sample may have; a request with more is not sampled, and counted."""
    markers: list[str] = []
    """Regular expressions with a group `id` (and optionally `text`) that mark documents in a prompt."""
    queue: Positive = 4096
    """Samples waiting to be sent; when full, the newest is dropped and counted."""
    errors_before_off: Positive = 5
    """Failures in a row after which the tap switches itself off."""


class Wire(_Section):
    """The sockets between tap and daemon: `ipc://` in one pod, `tcp://` on loopback otherwise."""

    samples: str = Field(default_factory=lambda: f"ipc://{runtime_dir()}/samples")
    """ZeroMQ address that the daemon binds for samples."""
    control: str = Field(default_factory=lambda: f"ipc://{runtime_dir()}/control")
    """ZeroMQ address that the daemon binds to announce sampling settings."""
    high_water_mark: Positive = 1000
    """Batches that ZeroMQ holds on either side."""


class Http(_Section):
    """The daemon's HTTP side: metrics, health, status and the sampling API."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """Port to listen on."""
    token: str | None = None
    """Bearer token for writes; by default one is made and kept in the runtime folder."""


class Metrics(_Section):
    """The Prometheus page."""

    labels: list[str] = ["route"]
    """Tags that become labels."""
    label_values: Positive = 50
    """Values a label may take; further ones are counted under `other`."""
    per_layer: bool = True
    """Publish one series per layer."""
    per_head: bool = False
    """Publish one series per layer and head."""


class Archive(_Section):
    """The Parquet archive."""

    enabled: bool = True
    """Write samples to the archive."""
    path: Path = Path("attention-archive")
    """Folder of the archive."""
    per_head: bool = True
    """Store per-head arrays; without them a sample is a tenth of the size."""
    roll_seconds: PositiveSeconds = 300.0
    """Age at which a file is closed and becomes visible to readers."""
    roll_mb: Positive = 256
    """Uncompressed megabytes at which a file is closed."""


class Daemon(_Section):
    """The sidecar process."""

    sink_queue: Positive = 256
    """Batches each sink may have waiting; beyond, the newest is dropped for that sink and counted."""
    stop_seconds: PositiveSeconds = 10.0
    """Seconds for a clean stop."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""


class Settings(BaseSettings):
    """All settings of the tap and the daemon."""

    model_config = SettingsConfigDict(
        env_prefix="ATTENTION_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    sampling: Sampling = Sampling()
    engine: Engine = Engine()
    wire: Wire = Field(default_factory=Wire)
    http: Http = Http()
    metrics: Metrics = Metrics()
    archive: Archive = Archive()
    daemon: Daemon = Daemon()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = os.environ.get("ATTENTION_CONFIG")
        sources = [init_settings, env_settings]
        if file:
            sources.append(TomlConfigSettingsSource(settings_cls, Path(file)))
        return tuple(sources)


def load(overrides: dict[str, Any] | None = None, *, file: Path | None = None) -> Settings:
    """Read the settings; ``overrides`` are nested like the tree and come from flags.

    Raises SettingsError with one line for each wrong field.
    """
    if file is not None:
        os.environ["ATTENTION_CONFIG"] = str(file)
    named = os.environ.get("ATTENTION_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"settings file {named!r} does not exist")
    try:
        return Settings(**(overrides or {}))
    except ValidationError as error:
        raise SettingsError("\n".join(map(_sentence, error.errors()))) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _sentence(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{field}: unknown setting"
    return f"{field}: {problem['msg']}, got {problem['input']!r}"
