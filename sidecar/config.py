"""One settings tree for tap and daemon, from flags, environment and a TOML file, in that order.

``ATTENTION_SAMPLING__RATE=0.2`` sets ``sampling.rate``; ``ATTENTION_CONFIG`` names the file.
"""

import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from sidecar.sources import (
    SettingsError,
    Tree,
    from_environment,
    from_file,
    merged,
    shown,
    suggestion,
)

__all__ = ["Settings", "SettingsError", "load", "names", "runtime_dir"]

Rate = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]
LabelName = Annotated[str, Field(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]
SocketAddress = Annotated[str, Field(pattern="^(ipc|tcp)://.+")]
HttpAddress = Annotated[str, Field(pattern="^https?://[^/@]+(/[^@]*)?$")]
TagName = Annotated[str, Field(min_length=1, max_length=256)]
Condition = Annotated[str, Field(pattern=r"^[a-z_]+ *[<>] *(0|1|0?\.[0-9]+|1\.0*)$")]
HostAndPort = Annotated[str, Field(pattern=r"^[^\s/,]+:\d+$")]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


def runtime_dir() -> Path:
    """Folder of the sockets and the token, readable by this user alone."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base, f"attention-sidecar-{os.getuid()}")


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class Sampling(_Section):
    """What is sampled. Changeable at run time through the daemon."""

    rate: Rate = 0.1
    """Share of requests that are sampled."""
    stride: Positive = 16
    """Output steps from one sample of a request to the next; the first step is always one."""
    budget_ms_per_s: Annotated[float, Field(ge=0)] = 20.0
    """Milliseconds the tap may spend in each second; above, it lowers its rate. 0 is no limit."""
    layers: str | list[int] = "auto"
    """A list, `every:N`, `all`, or `auto`: the layers of calibrated heads, else four spread out."""

    @field_validator("layers", mode="before")
    @classmethod
    def _known_form(cls, value: Any) -> Any:
        if not (_is_layer_list(value) or _is_layer_choice(value)):
            raise ValueError(
                "should be a list of layers such as [4, 8], 'every:N', 'all' or 'auto'"
            )
        return value


def _is_layer_list(value: Any) -> bool:
    indices = isinstance(value, list) and all(type(layer) is int and layer >= 0 for layer in value)
    return indices and bool(value)


def _is_layer_choice(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("auto|all|every:[1-9][0-9]*", value))


class Engine(_Section):
    """The tap inside the engine's process."""

    label: str | None = None
    """`engine` label of samples and metrics; by default the engine's index, as vLLM has it."""
    max_documents: Positive = 256
    """Documents a request may name; more is answered with 400."""
    max_segments: Positive = 512
    """Segments a sample may have; a request with more is not sampled, and counted."""
    markers: list[str] = []
    """Regular expressions with a group `id`, perhaps `text`, that mark documents in a prompt."""
    baggage: list[TagName] = []
    """Keys of the header `baggage` that become tags, where the request has none of that name."""
    queue: Positive = 4096
    """Samples waiting to be sent; when full, the newest is dropped and counted."""
    errors_before_off: Positive = 5
    """Failures in a row after which the tap switches itself off."""

    @field_validator("markers")
    @classmethod
    def _names_documents(cls, markers: list[str]) -> list[str]:
        for marker in markers:
            try:
                groups = re.compile(marker).groupindex
            except re.error as error:
                raise ValueError(f"{marker!r} is not a regular expression: {error}") from None
            if "id" not in groups:
                raise ValueError(f"{marker!r} should have a group (?P<id>…)")
        return markers


class Wire(_Section):
    """The sockets between tap and daemon: `ipc://` in one pod, `tcp://` on loopback otherwise."""

    samples: SocketAddress = Field(default_factory=lambda: f"ipc://{runtime_dir()}/samples")
    """ZeroMQ address that the daemon binds for samples."""
    control: SocketAddress = Field(default_factory=lambda: f"ipc://{runtime_dir()}/control")
    """ZeroMQ address that the daemon binds to announce sampling settings."""
    high_water_mark: Positive = 64
    """Batches that ZeroMQ holds on either side."""
    remote: bool = False
    """Allow a `tcp://` address that is not loopback. Nothing authenticates who connects."""


class Http(_Section):
    """The daemon's HTTP side: metrics, health, status and the sampling API."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """Port to listen on."""
    token: str | None = None
    """Bearer token for writes; by default one is made and kept in the runtime folder."""


class Heads(_Section):
    """Calibrated heads: those that copy from documents, found once for each model revision."""

    calibrations: list[Path] = []
    """Files made by `attention-sidecar heads calibrate`, of any number of models and revisions."""
    other_revisions: bool = False
    """Use a calibration for other revisions of its model too, where they have none."""


class Metrics(_Section):
    """The Prometheus page."""

    labels: list[LabelName] = ["route"]
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
    """Store per-head arrays; without them a sample takes a thirtieth."""
    roll_seconds: PositiveSeconds = 300.0
    """Age at which a file is closed and becomes visible to readers."""
    roll_mb: Positive = 256
    """Uncompressed megabytes at which a file is closed."""


class Otel(_Section):
    """OpenTelemetry: what a request's attention was, sent to a collector on the caller's trace."""

    endpoint: HttpAddress | None = None
    """OTLP address of a collector, such as `http://127.0.0.1:4317`; without one nothing is sent."""
    protocol: Literal["grpc", "http"] = "grpc"
    """How to talk to it; `http` is OTLP as protobuf, usually on port 4318."""
    headers: dict[str, SecretStr] = {}
    """Headers of every export, such as `authorization`; never shown."""
    certificate: Path | None = None
    """PEM file of the authorities to trust for `https://`; by default the system's."""
    events: bool = True
    """Send an event `gen_ai.evaluation.result` for each signal of a sampled request."""
    metrics: bool = False
    """Send every sample's signals as exponential histograms."""
    metrics_seconds: PositiveSeconds = 60.0
    """Time from one export of the histograms to the next."""
    outliers: list[Condition] = []
    """Conditions such as `context_share < 0.1`; a request whose mean meets one gets a span."""
    tags: list[TagName] = ["route"]
    """Tags that become attributes of events, spans and histograms."""
    resource: dict[str, str] = {}
    """Further resource attributes, such as `deployment.environment.name`; they win over ours."""
    idle_seconds: PositiveSeconds = 10.0
    """Seconds without a sample after which a request is taken to be over."""
    open_requests: Positive = 4096
    """Requests followed at a time; when full, the one quiet for longest is sent at once."""
    queue: Annotated[int, Field(ge=512)] = 16384
    """Events, and spans, waiting to be sent; when full, the newest is dropped and counted."""
    timeout_seconds: PositiveSeconds = 10.0
    """Time for one export with its retries; after it what was to be sent is lost and counted."""

    @field_validator("outliers")
    @classmethod
    def _names_signals(cls, conditions: list[str]) -> list[str]:
        from sidecar.schema import SIGNAL_NAMES  # loads Arrow, which few commands need

        for condition in conditions:
            signal = re.split("[ <>]", condition)[0]
            if signal not in SIGNAL_NAMES:
                raise ValueError(f"{signal!r} is no signal; there are {', '.join(SIGNAL_NAMES)}")
        return conditions
class Kafka(_Section):
    """Samples to Kafka; on when `bootstrap_servers` are given."""

    bootstrap_servers: list[HostAndPort] = []
    """`host:port` of one or more brokers; a list, or text with commas."""
    client: Literal["kafka-python", "librdkafka"] = "kafka-python"
    """Library that talks to the brokers; `librdkafka` is faster and an extra of its own."""
    samples_topic: TopicName = "attention.samples"
    """Topic of the samples: a record for each, with signals and without per-head arrays."""
    alerts_topic: TopicName = "attention.alerts"
    """Topic of alerts; nothing is sent to it yet."""
    archive_topic: TopicName = "attention.archive"
    """Topic of whole record batches, which `attention-sidecar archive from-kafka` reads."""
    archive: bool = False
    """Send to `archive_topic`, per-head arrays included: some 5 kB a sample."""
    format: Literal["json", "avro"] = "json"
    """How samples are written."""
    schema_id: Annotated[int, Field(ge=0, lt=1 << 32)] | None = None
    """Id of the Avro schema in a schema registry; records then begin with it."""
    key: str = "request_id"
    """What records are keyed by: `request_id`, `route`, or a tag such as `tenant`."""
    compression: Literal["zstd", "gzip", "none"] = "zstd"
    """Compression of what is sent."""
    max_message_bytes: Annotated[int, Field(ge=10_000)] = 1_000_000
    """Largest record; larger batches are split, a larger sample is lost and counted."""
    in_flight_mb: Positive = 8
    """Megabytes sent to a topic and not yet acknowledged; bounds the client's memory."""
    spill_path: Path = Path("attention-spill")
    """Folder of what is not yet acknowledged; belongs to one daemon."""
    spill_mb: Positive = 1024
    """Megabytes that may wait there for each topic; beyond, the oldest are lost and counted."""
    tls: bool = False
    """Encrypt, and check the brokers' certificates."""
    tls_ca: Path | None = None
    """Certificates to trust; by default the system's."""
    tls_certificate: Path | None = None
    """Our certificate, where brokers ask for one."""
    tls_key: Path | None = None
    """Its key."""
    tls_key_password: SecretStr | None = None
    """The key's password."""
    username: str | None = None
    """User for SASL."""
    password: SecretStr | None = None
    """Password for SASL."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """How to authenticate; needs `username` and `password`."""

    @field_validator("bootstrap_servers", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [one.strip() for one in value.split(",")] if isinstance(value, str) else value

    @field_validator("schema_id")
    @classmethod
    def _of_avro(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("format") != "avro":
            raise ValueError("should be given with kafka.format=avro only")
        return value

    @field_validator("sasl_mechanism")
    @classmethod
    def _with_credentials(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and not (info.data.get("username") and info.data.get("password")):
            raise ValueError("should come with kafka.username and kafka.password")
        return value


class Daemon(_Section):
    """The sidecar process."""

    sink_queue: Positive = 256
    """Batches each sink may have waiting; beyond, the newest is dropped for it and counted."""
    stop_seconds: PositiveSeconds = 10.0
    """Seconds for a clean stop."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""


class Settings(_Section):
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
