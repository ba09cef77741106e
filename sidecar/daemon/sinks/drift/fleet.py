"""When an alert on the median of all routes is over, which the monitor leaves to whom it told."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from sidecar.daemon.sinks.drift.recent import Recent
from sidecar.drift import FALLBACK, PRIMARY, Alert, SignalBaseline, Stream

BACK_REQUESTS = 240
"""Of each route, on average: three of the longest blocks, as for an alert of a route."""


def paging(signals: Mapping[str, SignalBaseline]) -> tuple[str, ...]:
    """The signals of a stream that page."""
    found = (PRIMARY,) if PRIMARY in signals else FALLBACK
    return tuple(name for name in found if name in signals)


class FleetEnd:
    """Watches the median of what is left over, in standard deviations of a request."""

    def __init__(self, streams: Mapping[Stream, Mapping[str, SignalBaseline]]) -> None:
        self._streams = streams
        self._back_at: dict[str, int] = {}

    def over(self, alert: Alert, recent: Mapping[Stream, Recent]) -> Alert | None:
        """The alert, resolved, when the median has come back by half for long enough."""
        model = alert.model_name
        found = {stream: one for stream, one in recent.items() if stream.model == model}
        levels = [self._level(stream, one) for stream, one in found.items()]
        known = [level for level in levels if np.isfinite(level)]
        sign = 1 if alert.direction == "rise" else -1
        if not known or sign * float(np.median(known)) >= abs(alert.deviations) / 2:
            self._back_at.pop(model, None)
            return None
        requests = sum(one.requests for one in found.values())
        since = self._back_at.setdefault(model, requests)
        if requests - since < BACK_REQUESTS * len(known):
            return None
        del self._back_at[model]
        moment = datetime.fromtimestamp(max(one.last for one in found.values()), UTC)
        return alert.model_copy(update={"state": "resolved", "resolved": moment})

    def _level(self, stream: Stream, recent: Recent) -> float:
        signals = self._streams[stream]
        places = [recent.names.index(name) for name in paging(signals)]
        scale = np.asarray([signals[recent.names[place]].scale for place in places])
        z = recent.residual[places] / scale
        return float(z[np.isfinite(z)].mean()) if np.isfinite(z).any() else float("nan")
