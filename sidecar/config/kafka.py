"""Settings of the Kafka sink."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from sidecar.config.fields import Positive, Section, like

HostAndPort = Annotated[str, like(r"[^\s/,]+:\d{1,5}", "host:port")]
TopicName = Annotated[
    str,
    like(
        r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}",
        "1 to 249 letters, digits, '.', '_' and '-', and neither '.' nor '..'",
    ),
    Field(validate_default=True),
]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Kafka(Section):
    """Samples to Kafka; on when `bootstrap_servers` are given."""

    bootstrap_servers: list[HostAndPort] = []
    """`host:port` of one or more brokers; a list, or text with commas."""
    client: Literal["kafka-python", "librdkafka"] = "kafka-python"
    """Library that talks to the brokers; `librdkafka` is faster and an extra of its own."""
    samples_topic: TopicName = "attention.samples"
    """Topic of the samples: a record for each, with signals and without per-head arrays."""
    alerts_topic: TopicName = "attention.alerts"
    """Topic of alerts, as JSON; used when `drift.baseline` is set."""
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
    sasl_mechanism: Annotated[Mechanism | None, Field(validate_default=True)] = None
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

    @field_validator("alerts_topic", "archive_topic")
    @classmethod
    def _is_another(cls, value: str, info: ValidationInfo) -> str:
        """Brokers do not tell names apart by dots and underscores."""
        for other in ("samples_topic", "alerts_topic"):
            if info.data.get(other, "").replace(".", "_") == value.replace(".", "_"):
                raise ValueError(f"should differ from kafka.{other} by more than '.' and '_'")
        return value

    @field_validator("tls_ca", "tls_certificate", "tls_key")
    @classmethod
    def _with_tls(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("tls") is False:
            raise ValueError("should come with kafka.tls=true")
        return value

    @field_validator("tls_key")
    @classmethod
    def _with_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("tls_certificate") is None:
            raise ValueError("should come with kafka.tls_certificate")
        return value

    @field_validator("sasl_mechanism")
    @classmethod
    def _with_credentials(cls, value: str | None, info: ValidationInfo) -> str | None:
        given = [name for name in ("username", "password") if info.data.get(name)]
        if value and len(given) < 2:
            raise ValueError("should come with kafka.username and kafka.password")
        if given and not value:
            right = ", ".join(get_args(Mechanism))
            raise ValueError(f"should be one of {right} where kafka.{given[0]} is given")
        return value

    @property
    def warning(self) -> str:
        """What is dangerous in these settings; empty when nothing is."""
        if self.sasl_mechanism == "PLAIN" and not self.tls:
            return "kafka.sasl_mechanism: PLAIN without kafka.tls=true sends the password in clear"
        return ""
