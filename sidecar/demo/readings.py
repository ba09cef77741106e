"""What the daemon publishes, read back over HTTP: the demo shows these numbers and no others."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from sidecar.demo.processes import DemoError

_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Reading:
    """One scrape of the daemon's /metrics."""

    time: float
    """Monotonic seconds."""
    values: Mapping[str, tuple[tuple[Mapping[str, str], float], ...]]
    """Labels and value of every series, by sample name."""

    def total(self, name: str) -> float:
        """Sum over the series of ``name``; 0 when there is none."""
        return sum(value for _, value in self.values.get(name, ()))

    def samples(self) -> int:
        """Samples published."""
        return int(self.total("attention_samples_total"))

    def tap_seconds(self) -> float:
        """Seconds the tap has spent in the engine's thread."""
        return self.total("attention_tap_seconds_total")

    def sampling_rate(self) -> float | None:
        """Share of requests the tap samples now, its budget considered; None before it reports."""
        rates = self.values.get("attention_tap_effective_sampling_rate", ())
        return rates[0][1] if rates else None

    def tap_state(self) -> str:
        """State of the tap, `unknown` before its first report."""
        states = self.values.get("attention_tap_state", ())
        current = [labels["attention_tap_state"] for labels, value in states if value]
        return current[0] if current else "unknown"


@dataclass(frozen=True)
class Window:
    """What was published between two readings of one daemon."""

    start: Reading
    end: Reading

    def seconds(self) -> float:
        """Its length."""
        return self.end.time - self.start.time

    def samples(self) -> int:
        """Samples published within it."""
        return int(self._growth("attention_samples_total"))

    def mean(self, signal: str) -> float | None:
        """Mean of a signal over the samples within it; None when none was measured."""
        count = self._growth(f"attention_{signal}_count")
        return self._growth(f"attention_{signal}_sum") / count if count > 0 else None

    def tap_ms_per_second(self) -> float | None:
        """Milliseconds of the engine's thread that the tap took per second.

        None for no time, and for another engine, whose tap counts from 0 again.
        """
        spent = self.end.tap_seconds() - self.start.tap_seconds()
        return 1000 * spent / self.seconds() if self.seconds() > 0 and spent >= 0 else None

    def _growth(self, name: str) -> float:
        return self.end.total(name) - self.start.total(name)


def scrape(daemon_url: str) -> Reading:
    """Read /metrics. Raises DemoError when the daemon does not answer within 20 s."""
    response = _get(f"{daemon_url}/metrics")
    values: dict[str, tuple[tuple[Mapping[str, str], float], ...]] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            values[sample.name] = (*values.get(sample.name, ()), (sample.labels, sample.value))
    return Reading(time.monotonic(), values)


def tap_reason(daemon_url: str) -> str:
    """State of each tap and why, from /v1/status. Raises DemoError like `scrape`."""
    taps = _get(f"{daemon_url}/v1/status").json()["taps"]
    return "; ".join(f"{tap['state']} {tap['reason']}".strip() for tap in taps) or "nothing yet"


def _get(url: str) -> httpx.Response:
    try:
        return httpx.get(url, timeout=_PATIENCE_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise DemoError(f"{url} did not answer: {error}") from error
