"""An alert as Alertmanagers take it, version 2 of their API."""

from datetime import datetime, timedelta
from typing import Any

from sidecar.drift import Alert, sentence

NAME = "AttentionDrift"
"""The label `alertname`."""
LASTS = timedelta(minutes=5)
"""How long an alert holds without renewal: a restart of the daemon is no end of it."""


def payload(alert: Alert, now: datetime) -> dict[str, Any]:
    """Labels are its identity, so they hold nothing that changes."""
    over = alert.resolved or now
    moved = ", ".join(f"{one.signal} {one.deviations:+.1f} sd" for one in alert.moved)
    groups = ", ".join(
        f"{one.kind} {one.name} {one.before:.3f} → {one.after:.3f}" for one in alert.details
    )
    annotations = {
        "summary": sentence(alert),
        "moved": moved,
        "still": ", ".join(alert.still),
        "moved_most": groups,
        "budget": f"at most one false alarm in {alert.run_length:,.0f} requests of a stream",
        "routes": ", ".join(name or "none" for name in (alert.route, *alert.also)),
        "calibrated": str(alert.calibrated).lower(),
        "since": alert.since.isoformat(timespec="seconds"),
        "id": alert.id,
        **{f"link_{name}": address for name, address in alert.links.items()},
    }
    if "runbook" in alert.links:
        annotations["runbook_url"] = alert.links["runbook"]
    return {
        "labels": {
            "alertname": NAME,
            "severity": "critical" if alert.kind == "behaviour" else "warning",
            "model_name": alert.model_name,
            "route": alert.route or "none",
            "signal": alert.signal,
            "direction": alert.direction,
            "kind": alert.kind,
        },
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": alert.raised.isoformat(),
        "endsAt": (over if alert.state == "resolved" else now + LASTS).isoformat(),
        "generatorURL": alert.links.get("dashboard", ""),
    }
