"""What waits on disk for topics that the settings no longer name."""

import logging
from collections.abc import Collection
from pathlib import Path

from sidecar.daemon.sinks.kafka.segment import numbers
from sidecar.daemon.sinks.kafka.spill import Busy, Spill

log = logging.getLogger(__name__)


def left_over(folder: Path, topics: Collection[str]) -> dict[str, int]:
    """Samples by topic, without ``topics``; folders that another daemon has are left out."""
    others = (path for path in folder.iterdir() if path.name not in topics and numbers(path))
    found = {path.name: _samples(path) for path in others}
    for topic, samples in found.items():
        if samples:
            log.warning(
                "topic %s: %d samples wait in %s and are not sent: no setting names it",
                topic,
                samples,
                folder / topic,
            )
    return {topic: samples for topic, samples in found.items() if samples}


def _samples(path: Path) -> int:
    try:
        queue = Spill(path, 0, lambda _samples, _reason: None)
    except (OSError, Busy) as error:
        log.warning("%s: what waits there is not known: %s", path, error)
        return 0
    try:
        return queue.samples
    finally:
        queue.close()
