"""Settings of the OpenTelemetry sink."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from sidecar.config.fields import Positive, PositiveSeconds, Section, TagName, like

HttpAddress = Annotated[
    str,
    like(
        r"https?://[^/@]+(/[^@]*)?",
        "an address that begins with http:// or https://, without user and password",
    ),
]
Condition = Annotated[
    str,
    like(
        r"[a-z_]+ *[<>] *(0|1|0?\.[0-9]+|1\.0*)",
        "a signal, < or >, and a number from 0 to 1, such as 'context_share < 0.1'",
    ),
]


class Otel(Section):
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
