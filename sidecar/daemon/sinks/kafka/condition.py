"""Whether samples get through to a topic: for status, metrics and log."""

import logging
import time

from sidecar.daemon.sinks.kafka.client import Away, MissingTopic, Refused

log = logging.getLogger(__name__)

NOT_CONFIGURED = "not_configured"
"""Samples wait for the topic since an earlier start, and the settings no longer name it."""
STATES = ("connecting", "running", "stalled", "missing_topic", "refusing", "away", NOT_CONFIGURED)
"""`stalled`: connected, and nothing is acknowledged. `refusing`: the broker took not all of what it
was sent last. `away`: no connection."""
_LOG_SECONDS = 60.0


class Condition:
    """The state of one topic, and why."""

    def __init__(self, topic: str) -> None:
        self.state = "connecting"
        self.fault = ""
        """Why samples do not get through now; empty when they do."""
        self._topic = topic
        self._logged = -_LOG_SECONDS
        self._told = False

    def works(self) -> None:
        """Samples get through."""
        if self._told:
            self._told = False
            log.info("topic %s: running again", self._topic)
        self.state, self.fault = "running", ""

    def stalls(self, seconds: float) -> None:
        """Nothing was acknowledged for so long."""
        self._breaks("stalled", f"topic {self._topic!r}: no acknowledgement for {seconds:.0f} s")

    def fails(self, error: Exception) -> None:
        """A client could not be made, or had to be given up."""
        self._breaks(_state(error), self._words(error))

    def _breaks(self, state: str, fault: str) -> None:
        self.state, self.fault = state, fault
        if time.monotonic() - self._logged >= _LOG_SECONDS:
            self._logged, self._told = time.monotonic(), True
            log.warning("topic %s: %s", self._topic, fault)

    def _words(self, error: Exception) -> str:
        if isinstance(error, Refused):
            return f"topic {self._topic!r}: {error}"
        return str(error) if isinstance(error, Away) else f"{type(error).__name__}: {error}"


def _state(error: Exception) -> str:
    if isinstance(error, MissingTopic):
        return "missing_topic"
    return "refusing" if isinstance(error, Refused) else "away"
