"""The daemon's status as lines for a terminal."""

from collections.abc import Iterator
from typing import Any

LOSSES = (
    ("malformed_messages_total", "malformed messages"),
    ("malformed_samples_total", "malformed samples"),
    ("internal_errors_total", "lost to internal errors"),
    ("missing_samples_total", "missing by sequence number"),
    ("dropped_samples_total", "dropped"),
)


def lines(status: dict[str, Any]) -> Iterator[str]:
    """``status`` as from `GET /v1/status`."""
    intake = status["intake"]
    yield f"attention-sidecar {status['version']} at {status['url']}"
    yield f"  up {status['uptime_seconds']:.0f} s, {intake['samples_received_total']:.0f} samples"
    yield from _fleet(status["fleet"]) if "fleet" in status else _taps(status)
    for sink in status["sinks"]:
        yield f"sink  {sink['name']}: {sink['state']} {sink['error']}".rstrip()
    yield from _drift(status.get("drift"))
    for name, meaning in LOSSES:
        yield from _counts("lost", intake.get(name, 0), meaning)
    late = "counted as missing came after all"
    yield from _counts("late", intake.get("late_samples_total", 0), late)
    uncalibrated = "samples that no calibration fits"
    yield from _counts("heads", intake.get("uncalibrated_samples_total", 0), uncalibrated)


def _taps(status: dict[str, Any]) -> Iterator[str]:
    sampling = status["sampling"]
    yield (
        f"  sampling rate {sampling['rate']:g}, stride {sampling['stride']}, "
        f"budget {sampling['budget_ms_per_s']:g} ms/s, layers {sampling['layers']}"
    )
    for tap in status["taps"]:
        yield from _tap(tap)
    if not status["taps"]:
        yield "tap   none has reported"


def _fleet(fleet: dict[str, Any]) -> Iterator[str]:
    name = f"{fleet['topic']} as group {fleet['group']}"
    yield f"fleet {name}: {fleet['state']} {fleet['error']}".rstrip()
    if fleet["lag_records"] is not None:
        yield f"      {fleet['lag_records']} records behind on {fleet['partitions']} partitions"


def _tap(tap: dict[str, Any]) -> Iterator[str]:
    name = f"{tap['model_name']} engine {tap['engine']} rank {tap['rank']}"
    yield f"tap   {name}: {tap['state']} {tap['reason']}".rstrip()
    yield (
        f"      {tap['requests_sampled']} of {tap['requests']} requests sampled at rate "
        f"{tap['effective_rate']:g}, {tap['samples']} samples, "
        f"last heard of {tap['last_seen_seconds']:.0f} s ago"
    )
    for what in ("dropped", "errors"):
        counts = [f"{count} {reason}" for reason, count in tap[what].items() if count]
        if counts:
            yield f"      {what}: {', '.join(counts)}"


def _drift(found: dict[str, Any] | None) -> Iterator[str]:
    if not found:
        return
    streams = found["streams"]
    told = (f"{count} {health.replace('_', ' ')}" for health, count in streams.items() if count)
    yield f"drift {', '.join(told) or 'no stream'}"
    for alert in found["alerts"]:
        yield f"      alarm: {alert['summary']}"
    for stream in found["unmeasured"]:
        route = stream["route"] or "none"
        yield f"      unmeasured: {stream['model_name']}, route {route}: {stream['reason']}"
    if found["refused_state"]:
        yield f"      {found['refused_state']}"


def _counts(word: str, found: Any, meaning: str) -> Iterator[str]:
    entries = found if isinstance(found, list) else [{"value": found}]
    for entry in entries:
        if entry["value"]:
            labels = ", ".join(f"{k} {v}" for k, v in entry.items() if k != "value")
            yield f"{word}  {entry['value']:.0f} {meaning}" + (f" ({labels})" if labels else "")
