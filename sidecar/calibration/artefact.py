"""The file that a calibration makes: which heads copy from documents, and how surely."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sidecar.signals import CalibratedHeads

Share = Annotated[float, Field(ge=0, le=1)]
Index = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


class CalibrationError(ValueError):
    """A calibration file that cannot be used; the message names the file, the field, the value."""


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


class HeadScore(_Part):
    """How often one head copies what is emitted from a document: mean over prompts, interval."""

    layer: Index
    head: Index
    score: Share
    low: Share
    high: Share

    @property
    def place(self) -> tuple[int, int]:
        """Layer and head."""
        return self.layer, self.head


class Calibration(_Part):
    """Version 1 of the file. Scores and bounds are shares of output steps."""

    version: Literal[1] = 1
    model_name: str
    model_revision: str | None
    created: AwareDatetime
    layers: Annotated[tuple[Index, ...], Field(min_length=1)]
    """Indices of the layers that were measured."""
    heads: Positive
    """Query heads of a layer."""
    prompts: Positive
    right: Positive
    """Prompts that were answered right, and measured."""
    samples: Positive
    """Output steps of those."""
    chosen: Annotated[tuple[HeadScore, ...], Field(min_length=1)]
    """The calibrated heads, the best first."""
    scores: tuple[HeadScore, ...]
    """All heads, by layer and head."""

    def matches(
        self, model_name: str, model_revision: str | None, *, other_revisions: bool = False
    ) -> bool:
        """Whether it is of this model and, unless ``other_revisions``, of this revision."""
        return self.indices(other_revisions=other_revisions).matches(model_name, model_revision)

    def indices(self, *, other_revisions: bool = False) -> CalibratedHeads:
        """The chosen heads as the signals take them."""
        return CalibratedHeads(
            model_name=self.model_name,
            model_revision=self.model_revision,
            heads=self.heads,
            chosen=tuple(head.place for head in self.chosen),
            any_revision=other_revisions,
        )

    def save(self, path: Path) -> None:
        """Write the file as a whole or not at all. Raises OSError."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @model_validator(mode="after")
    def _chosen_from_all(self) -> Self:
        every = [(layer, head) for layer in self.layers for head in range(self.heads)]
        if [head.place for head in self.scores] != every:
            raise ValueError("scores should have every head of the layers once, in order")
        if len({head.place for head in self.chosen}) < len(self.chosen):
            raise ValueError("chosen names a head twice")
        if unknown := [head.place for head in self.chosen if head not in self.scores]:
            raise ValueError(f"chosen layer and head {unknown[0]} is not among scores as it is")
        return self


def load(path: Path) -> Calibration:
    """Read a file. Raises CalibrationError."""
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CalibrationError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "file"
        found = repr(first["input"])
        shown = f", got {found}" if len(found) < 100 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise CalibrationError(f"{str(path)!r}: {field}: {message}{shown}") from None
