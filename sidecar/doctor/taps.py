"""What the taps say of themselves, judged from the daemon's `/v1/status`."""

from collections.abc import Iterator
from typing import Any

from sidecar.doctor.check import Check, fail, ok, warn

RESTART = "restart the engine; its log and attention_tap_errors_total tell more"
REST = {
    "starting": "ask again in a few seconds",
    "off": "somebody switched it off; unset ATTENTION_TAP and restart the engine",
}


def taps(status: dict[str, Any]) -> Iterator[Check]:
    """A line for each tap and for each thing wrong with it; having none is a failure."""
    if not status["taps"]:
        advice = "restart vLLM with attention-sidecar installed beside it, as this user"
        yield fail("tap", "no engine has reported to this daemon", advice)
    for tap in status["taps"]:
        yield _active(tap) if tap["state"] == "active" else _idle(tap)
        yield from _losses(tap)
        if tap.get("conflicting"):  # unknown to older daemons
            found = f"several live engines report as {name_of(tap)}, and hide each other"
            advice = "give each its own engine.label: set ATTENTION_ENGINE__LABEL, and restart it"
            yield fail("labels", found, advice)
        if tap["version"] != status["version"]:
            found = f"{name_of(tap)} has {tap['version']}, the daemon {status['version']}"
            yield warn("versions", found, "install the same version in both")


def name_of(tap: dict[str, Any]) -> str:
    """How messages call a tap."""
    return f"{tap['model_name']} engine {tap['engine']} rank {tap['rank']}"


def _active(tap: dict[str, Any]) -> Check:
    found = f"{_where(tap)} is active, {len(tap['tapped_layers'])} layers"
    rate, wanted = tap["effective_rate"], tap["sampling"]["rate"]
    if wanted == 0:
        return warn("tap", f"{found}, rate 0", "attention-sidecar sampling set --rate 0.1")
    if rate < wanted:
        advice = "its budget is spent: attention-sidecar sampling set --budget-ms, or --rate"
        return warn("tap", f"{found}, rate {rate:g} instead of {wanted:g}", advice)
    return ok("tap", f"{found}, rate {rate:g}")


def _idle(tap: dict[str, Any]) -> Check:
    state = tap["state"]
    if state in REST:
        return warn("tap", f"{_where(tap)} is {state}", tap["reason"] or REST[state])
    if state == "lost":
        found = f"{_where(tap)} is silent for {tap['last_seen_seconds']:.0f} s"
        return fail("tap", found, "see whether the engine runs")
    return fail("tap", f"{_where(tap)} is {state}: nothing is measured", tap["reason"] or RESTART)


def _losses(tap: dict[str, Any]) -> Iterator[Check]:
    for what in ("dropped", "errors"):
        counts = {reason: count for reason, count in tap[what].items() if count}
        if counts:
            listed = ", ".join(f"{count} {reason}" for reason, count in counts.items())
            advice = f"attention_tap_{what}_total tells whether it goes on; see the engine's log"
            yield warn(f"tap {what}", f"{name_of(tap)}: {listed}", advice)


def _where(tap: dict[str, Any]) -> str:
    return f"{name_of(tap)} ({tap['runner']}, {tap['backend']}, {tap['device']})"
