"""Settings of the tap, inside the engine's process."""

import re
from typing import Annotated, Any

from pydantic import Field, field_validator

from sidecar.config.fields import Positive, Rate, Section, TagName


class Sampling(Section):
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


class Engine(Section):
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
