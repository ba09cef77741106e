"""The file of a baseline."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sidecar.drift.detectors.edetector import BETS
from sidecar.drift.detectors.histogram import BINS
from sidecar.drift.features import FEATURES
from sidecar.drift.requests import Floats, Stream
from sidecar.drift.views import VIEWS, View

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
AboveZero = Annotated[float, Field(gt=0)]


class BaselineError(ValueError):
    """A baseline file that cannot be used; the message names the file, the field, the value."""


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


class Coefficient(_Part):
    """What one feature adds: ``value * (clip(feature, low, high) − centre)``."""

    feature: str
    value: float
    centre: float
    low: float
    high: float


class BlockScale(_Part):
    """How the means of residuals over blocks of one length vary in the reference."""

    length: Positive
    scale: AboveZero
    """Standard deviation."""
    correlation: float
    """Of neighbouring blocks."""


class Wager(_Part):
    """Bets that the mean of one view of the residuals is larger than in the reference.

    With a bet λ, evidence is multiplied by ``1 + λ (view − price)`` for each request.
    """

    view: View
    bets: Annotated[tuple[AboveZero, ...], Field(min_length=BETS, max_length=BETS)]
    prices: Annotated[tuple[float, ...], Field(min_length=BETS, max_length=BETS)]
    """In the view's unit; above its mean in the reference by the margin and by what requests that
    are alike would win."""


class SignalBaseline(_Part):
    """One signal of one stream; all in the signal's own unit."""

    model_name: str
    route: str
    signal: str
    requests: Positive
    """Reference requests in which it was measured."""
    first: AwareDatetime
    last: AwareDatetime
    mean: float
    interval: Annotated[float, Field(ge=0)]
    """Half the width of the mean's interval: three standard errors, clusters allowed for."""
    scale: AboveZero
    """Standard deviation of a request's residual; the margin if that is larger."""
    coefficients: tuple[Coefficient, ...]
    blocks: Annotated[tuple[BlockScale, ...], Field(min_length=1)]
    low: float
    """3 % of reference residuals are below, in standard deviations."""
    high: float
    """3 % are above."""
    wagers: tuple[Wager, ...]
    """One of each view, in order."""
    histogram: Annotated[tuple[Count, ...], Field(min_length=BINS, max_length=BINS)]
    """Reference requests by value, as of `detectors.histogram`."""

    @property
    def stream(self) -> Stream:
        """Model and route."""
        return Stream(self.model_name, self.route)

    def column(self, name: Literal["value", "centre", "low", "high"]) -> Floats:
        """``[features]`` of all coefficients."""
        return np.asarray([getattr(coefficient, name) for coefficient in self.coefficients])

    @property
    def likeness(self) -> float:
        """Variance of long means over that of independent requests, at least 1."""
        return max(1.0, *(one.length * (one.scale / self.scale) ** 2 for one in self.blocks))

    def expected(self, design: Floats) -> Floats:
        """``[n]`` values expected of requests with this ``design [n, features]``."""
        inside = np.clip(design, self.column("low"), self.column("high"))
        values: Floats = self.mean + (inside - self.column("centre")) @ self.column("value")
        return values

    @model_validator(mode="after")
    def _complete(self) -> Self:
        found = tuple(coefficient.feature for coefficient in self.coefficients)
        if found != FEATURES:
            raise ValueError(f"coefficients should be of {', '.join(FEATURES)}, in order")
        if tuple(wager.view for wager in self.wagers) != VIEWS:
            raise ValueError(f"wagers should be on {', '.join(VIEWS)}, in order")
        return self


class Baseline(_Part):
    """Version 1 of the file. It holds no text of any request."""

    version: Literal[1] = 1
    created: AwareDatetime
    where: str
    """Which samples it was made from, as SQL."""
    margin: AboveZero
    """How far a mean may move without being a change; above every interval."""
    signals: Annotated[tuple[SignalBaseline, ...], Field(min_length=1)]

    @property
    def identity(self) -> str:
        """Tells baselines apart; part of a saved state."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def streams(self) -> dict[Stream, dict[str, SignalBaseline]]:
        """Signals by name, by stream."""
        found: dict[Stream, dict[str, SignalBaseline]] = {}
        for one in self.signals:
            found.setdefault(one.stream, {})[one.signal] = one
        return found

    def save(self, path: Path) -> None:
        """Write the file as a whole or not at all. Raises OSError."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(self.model_dump_json() + "\n", encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        places = [(one.stream, one.signal) for one in self.signals]
        if len(set(places)) < len(places):
            raise ValueError("signals names a signal of a stream twice")
        for one in self.signals:
            if one.interval > self.margin:
                raise ValueError(f"margin should be at least the interval {one.interval:.3g}")
        return self


def load(path: Path) -> Baseline:
    """Read a file. Raises BaselineError."""
    try:
        return Baseline.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BaselineError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "file"
        found = repr(first["input"])
        shown = f", got {found}" if len(found) < 100 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise BaselineError(f"{str(path)!r}: {field}: {message}{shown}") from None
