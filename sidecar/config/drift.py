"""Settings of drift detection in the daemon."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from sidecar.config.fields import Positive, PositiveSeconds, Section
from sidecar.config.otel import HttpAddress

LinkName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
LINK_FIELDS = ("id", "model_name", "route", "signal", "direction", "since", "raised", "trace_id")
"""What a template of `drift.links` may name; times are milliseconds since the epoch."""


class Drift(Section):
    """Drift alerts; on when `baseline` names files."""

    baseline: list[Path] = []
    """Files made by `attention-sidecar baseline build`, with one margin; text with commas works."""
    state_path: Path = Path("attention-drift")
    """Folder of what a restart goes on from; belongs to one daemon."""
    run_length: Annotated[float, Field(ge=1000)] = 10_000_000
    """Requests of a stream to a false alarm, on average at least."""
    least_effect: Annotated[float, Field(gt=0)] = 0.1
    """Shift that is worth an alert, in standard deviations of a request."""
    cool_down: Annotated[int, Field(ge=0)] = 1000
    """Requests of rest after an alert is over."""
    unmeasured_after: Positive = 100
    """Requests in a row without a paging signal after which a stream is unmeasured."""
    silent_seconds: PositiveSeconds = 3600.0
    """Seconds without a request after which a stream is unmeasured."""
    streams: Positive = 1000
    """Streams that are watched at most; a stream is a model on a route."""
    idle_seconds: PositiveSeconds = 10.0
    """Seconds without a sample after which a request is taken to be over."""
    open_requests: Positive = 4096
    """Requests followed at a time; when full, the one quiet for longest is taken to be over."""
    alertmanager: list[HttpAddress] = []
    """Addresses of Alertmanagers, each of which is told of alerts; text with commas works."""
    links: dict[LinkName, str] = {}
    """Addresses for alerts by name, such as `dashboard` and `runbook`, with fields in braces."""

    @field_validator("baseline", "alertmanager", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [one.strip() for one in value.split(",")] if isinstance(value, str) else value

    @field_validator("links")
    @classmethod
    def _known_fields(cls, links: dict[str, str]) -> dict[str, str]:
        for name, template in links.items():
            unknown = set(re.findall("{(.*?)}", template)) - set(LINK_FIELDS)
            if unknown:
                raise ValueError(
                    f"{name} names {{{min(unknown)}}}; there are {', '.join(LINK_FIELDS)}"
                )
        return links
