"""What an alert is given before it is told: what moved most, what is new, and links."""

import logging
from collections import Counter
from collections.abc import Callable

from sidecar import config
from sidecar.daemon.sinks.drift.links import links
from sidecar.drift import Alert, Explanation, explanation, stored

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
"""What the archive is given to show its latest samples."""


class Completer:
    """Asks the archive, where there is one; an alert never waits long for it."""

    def __init__(
        self, settings: config.Drift, archive: config.Archive, outcomes: Counter[str]
    ) -> None:
        """``outcomes`` counts the alerts by what the archive said."""
        self._links, self._archive, self._outcomes = settings.links, archive, outcomes
        self.flush: Callable[[float], None] | None = None
        """Has the archive show its latest samples, within so many seconds."""

    def __call__(self, alert: Alert, told: Alert | None) -> Alert:
        """With details and links; one that was ``told`` before keeps those it had then."""
        if told is None and alert.state == "firing":
            found = self._explanation(alert)
            given = links(alert, self._links, found.traces)
            return alert.model_copy(update={"details": found.details, "links": given})
        kept = told or alert
        return alert.model_copy(update={"details": kept.details, "links": kept.links})

    def _explanation(self, alert: Alert) -> Explanation:
        found, outcome = Explanation((), ()), "no_archive"
        if self._archive.enabled and self.flush is not None:
            try:
                self.flush(FLUSH_SECONDS)
                found = explanation(alert, stored(alert, self._archive.path))
                outcome = "explained" if found.details else "nothing_moved"
            except Exception:
                outcome = "failed"
                log.exception("alert %s is told without what moved most", alert.id)
        self._outcomes[outcome] += 1
        return found
