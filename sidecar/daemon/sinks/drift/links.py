"""Links of an alert, from the operator's templates."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from sidecar.drift import Alert

TRACE = "trace"
"""The template that is filled once for each example; without it, the plain ids are given."""


def links(alert: Alert, templates: Mapping[str, str], traces: Sequence[str] = ()) -> dict[str, str]:
    """Addresses by name; examples are `trace_1` and so on."""
    fields = {
        **{name: str(getattr(alert, name)) for name in ("id", "model_name", "route", "signal")},
        "direction": alert.direction,
        "since": str(int(alert.since.timestamp() * 1000)),
        "raised": str(int(alert.raised.timestamp() * 1000)),
    }
    found = {
        name: filled(template, fields) for name, template in templates.items() if name != TRACE
    }
    template = templates.get(TRACE, "{trace_id}")
    for number, trace in enumerate(traces, 1):
        found[f"{TRACE}_{number}"] = filled(template, {**fields, "trace_id": trace})
    return found


def filled(template: str, fields: Mapping[str, str]) -> str:
    """A template with every field it names, quoted for an address.

    >>> filled("https://g/d/x?var-route={route}", {"route": "a b"})
    'https://g/d/x?var-route=a%20b'
    """
    return re.sub("{(.*?)}", lambda found: quote(fields.get(found[1], ""), safe=""), template)
