"""What the running daemon says of its sinks, losses and samples, judged from `/v1/status`."""

from collections.abc import Iterator
from typing import Any

from sidecar.config import Wire
from sidecar.doctor.check import Check, fail, ok, warn
from sidecar.doctor.taps import RESTART, name_of

Status = dict[str, Any]

SKEW_SECONDS = 1.0
BROKEN_CLOCK_SECONDS = 30.0
LOSSES = {
    "malformed_messages_total": "malformed messages",
    "malformed_samples_total": "malformed samples",
    "internal_errors_total": "lost to internal errors",
    "dropped_samples_total": "dropped by sinks",
}
FORCE = 'send a request with "attention": {"sample": true} in its body'


def addresses(status: Status, wire: Wire) -> Check:
    """Whether taps started from here send to where this daemon listens."""
    for name in ("samples", "control"):
        theirs, ours = status["settings"]["wire"][name], getattr(wire, name)
        if theirs != ours:
            advice = f"set wire.{name} alike for daemon and engine"
            return fail("addresses", f"the daemon has {theirs}, this environment {ours}", advice)
    return ok("addresses", "daemon and this environment agree on the sockets")


def clock(status: Status, now: float) -> Check:
    """The daemon's clock beside ours, and each tap's beside the daemon's."""
    daemon = status["intake"]["start_time_seconds"] + status["uptime_seconds"]
    skews = {"daemon": daemon - now}
    for tap in status["taps"]:
        if tap["state"] != "lost":
            skews[name_of(tap)] = -tap["clock_skew_seconds"]
    name, skew = max(skews.items(), key=lambda pair: abs(pair[1]))
    if abs(skew) <= SKEW_SECONDS:
        return ok("clocks", f"within {SKEW_SECONDS:g} s of each other")
    verdict = fail if abs(skew) > BROKEN_CLOCK_SECONDS else warn
    found = f"{name} is {abs(skew):.1f} s {'ahead' if skew > 0 else 'behind'}"
    return verdict("clocks", found, "synchronise the machines' clocks; sample times are wrong")


def sinks(status: Status) -> Iterator[Check]:
    """A line for each sink."""
    for sink in status["sinks"]:
        found = f"{sink['name']} is {sink['state']} {sink['error']}".rstrip()
        if sink["state"] == "failing":
            yield fail("sink", found, "mend what it names; until then samples wait, then are lost")
        elif sink["state"] != "running":
            yield warn("sink", found, "ask again in a few seconds")
        else:
            yield ok("sink", found)


def losses(status: Status) -> Check:
    """Samples that the daemon missed, refused or dropped since it started."""
    intake = status["intake"]
    missing = _total(intake, "missing_samples_total") - _total(intake, "late_samples_total")
    counts = {"missing by sequence number": missing}
    counts |= {meaning: _total(intake, name) for name, meaning in LOSSES.items()}
    found = ", ".join(f"{count:.0f} {meaning}" for meaning, count in counts.items() if count)
    if not found:
        return ok("losses", "no gap and nothing dropped since the daemon started")
    return warn("losses", found, "attention-sidecar status --json tells where and why")


def samples(before: Status, after: Status, seconds: float) -> Check:
    """Whether samples come through, from two statuses ``seconds`` apart."""
    received = _total(after["intake"], "samples_received_total")
    new = received - _total(before["intake"], "samples_received_total")
    made = sum(tap["samples"] - sum(tap["dropped"].values()) for tap in after["taps"])
    if new > 0:
        return ok("samples", f"{new:.0f} came in the last {seconds:g} s")
    if received:
        found = f"none in the last {seconds:g} s, {received:.0f} before"
        return ok("samples", found)
    if made > 0:
        return fail("samples", f"taps sent {made}, none came", "look at sockets and addresses")
    if any(tap["requests_sampled"] for tap in after["taps"]):
        return fail("samples", "requests were chosen, but no sample was made", RESTART)
    return warn("samples", "none yet", f"{FORCE}, then ask again")


def _total(intake: Status, name: str) -> float:
    found = intake.get(name, 0.0)
    return sum(entry["value"] for entry in found) if isinstance(found, list) else float(found)
