"""What an on-call engineer is told."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sidecar.drift.explain import Moved

FLEET = "*"
"""Route of an alert on the median of all routes."""


class Movement(BaseModel):
    """By how much one signal has moved since the change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    signal: str
    shift: float
    """Mean residual, in the signal's unit."""
    deviations: float
    """The same in standard deviations of a reference request."""


class Alert(BaseModel):
    """One change of one stream, from when it was noticed to when it was over."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )

    id: str
    state: Literal["firing", "resolved"] = "firing"
    kind: Literal["behaviour", "traffic"]
    """`traffic` when most requests since lie outside what the reference covers."""
    model_name: str
    route: str
    also: tuple[str, ...] = ()
    """Further routes that show the same change, as they came."""
    signal: str
    """The paging signal with the most evidence."""
    calibrated: bool
    """Whether the calibrated grounding score pages; else what stands in for it."""
    direction: Literal["drop", "rise"]
    shift: float
    """Mean residual since the change, in the signal's unit."""
    percent: float
    """The same in percent of the baseline's mean."""
    deviations: float
    """The same in standard deviations of a reference request."""
    explained: float
    """What lengths, documents and hours explain besides: a change of traffic."""
    since: AwareDatetime
    """Estimated change point."""
    raised: AwareDatetime
    """Time of the request that raised it."""
    resolved: AwareDatetime | None = None
    requests: Annotated[int, Field(ge=0)]
    """Requests since the change, with the signal measured."""
    run_length: float
    """The budget: at most one false alarm in so many requests of a stream, on average."""
    moved: tuple[Movement, ...] = ()
    """Signals that moved by the minimum effect or more, the most first."""
    still: tuple[str, ...] = ()
    """Measured signals without a sign of it."""
    details: tuple[Moved, ...] = ()
    """Layers, documents and tags that moved most, as `explain.rank` finds them."""
    links: dict[str, str] = {}
    """Dashboard, runbook, example traces."""


def moment(microseconds: float) -> datetime:
    """Of a number since the epoch."""
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC)


def sentence(alert: Alert) -> str:
    """One line for a terminal or a pager."""
    what = "resolved: " if alert.state == "resolved" else ""
    where = _where(alert)
    signal = alert.signal if alert.calibrated else f"{alert.signal} (uncalibrated)"
    word = {"drop": "fell", "rise": "rose"}[alert.direction]
    scale = f"{abs(alert.percent):.0f} %, {abs(alert.deviations):.1f} sd"
    if alert.route == FLEET:
        scale = f"{abs(alert.deviations):.1f} sd"
    since = f"{alert.since:%Y-%m-%d %H:%M} UTC ({alert.requests} requests)"
    return (
        f"{what}{signal} {word} by {scale} on {alert.model_name}, {where}, since {since}; "
        f"change of {alert.kind}{_new(alert)}"
    )


def _new(alert: Alert) -> str:
    """What came with the change: often what was rolled out, and evidence, not proof."""
    names = [one.name for one in alert.details if one.kind == "new"]
    return f"; new since then: {', '.join(names)}" if names else ""


def _where(alert: Alert) -> str:
    names = [name or "none" for name in (alert.route, *alert.also) if name != FLEET]
    if not names:
        return "the median of all routes"
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    return f"route{'s' if names[1:] else ''} {listed}"
