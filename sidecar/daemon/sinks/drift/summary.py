"""What `/v1/status` tells of drift."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sidecar.daemon.sinks.drift.families import HEALTHS
from sidecar.daemon.sinks.drift.watching import Row
from sidecar.drift import Alert, sentence

SHOWN = 5
"""Alerts and streams that are named."""


def summarised(rows: Sequence[Row], alerts: Iterable[Alert], refused: str) -> dict[str, Any]:
    """How many streams are in which state, open alerts, and streams that are unmeasured."""
    healths = Counter[str](row.condition.health for row in rows)
    lost = [row for row in rows if row.condition.health == "unmeasured"]
    return {
        "streams": {one.replace(" ", "_"): healths[one] for one in HEALTHS},
        "alerts": [
            {"summary": sentence(one), "alert": one.model_dump(mode="json")}
            for one in [*alerts][:SHOWN]
        ],
        "unmeasured": [
            {
                "model_name": row.stream.model,
                "route": row.stream.route,
                "reason": row.condition.reason,
            }
            for row in lost[:SHOWN]
        ],
        "refused_state": refused,
    }
