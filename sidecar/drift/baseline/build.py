"""From an archive to a baseline of all its streams."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np

from sidecar.drift.baseline.artefact import Baseline
from sidecar.drift.baseline.fit import TooSmall, fit
from sidecar.drift.requests import PAGING, WATCHED, Requests, Stream

Tell = Callable[[str], None]


class NothingFits(Exception):
    """No signal of any stream has enough requests; nothing to write."""


def build(streams: Mapping[Stream, Requests], *, where: str, margin: float, tell: Tell) -> Baseline:
    """Fit every signal that was measured; what is too small is told and left out.

    Raises NothingFits.
    """
    fitted = []
    for stream, requests in streams.items():
        for signal in WATCHED:
            if not np.isfinite(requests.signal(signal)).any():
                tell(f"{stream}, {signal}: not measured, left out")
                continue
            try:
                fitted.append(fit(stream, requests, signal, margin))
            except TooSmall as error:
                tell(f"{error}; left out")
    if not fitted:
        raise NothingFits(f"no signal has enough requests where {where}; nothing was written")
    found = Baseline(created=datetime.now(UTC), where=where, margin=margin, signals=tuple(fitted))
    for stream, signals in found.streams().items():
        if not signals.keys() & set(PAGING):
            tell(f"{stream}: none of {', '.join(PAGING)} is fitted; it will not be watched")
    return found
