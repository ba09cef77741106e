"""A replay in words, for a terminal or a build's log."""

from collections.abc import Iterator

from sidecar.drift.alert import Alert, sentence
from sidecar.drift.explain import Moved
from sidecar.drift.replay.history import Replay

MOST_MOVED = 3


def lines(one: Replay) -> Iterator[str]:
    """Alerts in order, then every stream with its condition, then what was not watched."""
    for alert in one.told:
        yield from _alert(alert)
    if not one.alerts:
        yield "no alert"
    for stream, condition in one.conditions.items():
        course = one.courses.get(stream)
        reason = f" ({condition.reason})" if condition.reason else ""
        seen = f", {course.measured} of {course.requests} requests measured" if course else ""
        yield f"{condition.health:<12} {stream}{reason}{seen}"
    for reason, count in one.dropped.items():
        yield f"not watched  {count} requests: {reason.replace('_', ' ')}"


def _alert(alert: Alert) -> Iterator[str]:
    moment = alert.resolved or alert.raised
    yield f"{moment:%Y-%m-%d %H:%M:%S} {sentence(alert)}"
    if alert.state == "firing" and alert.moved:
        moved = alert.moved[:MOST_MOVED]
        parts = ", ".join(f"{one.signal} {one.deviations:+.1f} sd" for one in moved)
        still = f"; still: {', '.join(alert.still)}" if alert.still else ""
        yield f"    moved: {parts}{still}"
    if alert.state == "firing" and alert.details:
        yield f"    most in {', '.join(map(group, alert.details[:MOST_MOVED]))}"


def group(moved: Moved) -> str:
    """One group of `Alert.details`."""
    return f"{moved.kind} {moved.name} ({moved.before:.2f} → {moved.after:.2f})"
