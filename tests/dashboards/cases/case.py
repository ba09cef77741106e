"""One alert's case: series on which it fires, and series on which it must stay silent."""

from dataclasses import dataclass, field

DAEMON = {"job": "sidecar", "instance": "pod-1:9464"}
MODEL = {"model_name": "m"}
TAP = {**DAEMON, **MODEL, "engine": "0", "rank": "0"}
STREAM = {**DAEMON, **MODEL, "route": "shop"}

Series = dict[str, str]
"""Values over time in promtool's notation, by selector."""


def series(name: str, values: str, *more: dict[str, str], **labels: str) -> Series:
    """One series."""
    merged: dict[str, str] = {}
    for one in (*more, labels):
        merged |= one
    inside = ",".join(f'{label}="{value}"' for label, value in merged.items())
    return {f"{name}{{{inside}}}": values}


@dataclass(frozen=True)
class Case:
    """What promtool is given and what it should find."""

    fires: Series = field(default_factory=dict)
    silent: Series = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    """Of the alert that fires, beside its severity."""
    at: str = "20m"
    every: str = "1m"
    """From one value to the next, and between evaluations."""
    value: str = ""
    """As the description says it."""

    @property
    def times(self) -> tuple[str, str]:
        """``at`` and ``every``."""
        return self.at, self.every

    looked: dict[str, str] = field(default_factory=dict)
    """Further values of the description."""
