"""Drift as a sink: gathers requests, asks the monitor, saves its state, hands out alerts."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from prometheus_client.metrics_core import Metric

from sidecar import config
from sidecar.daemon.mark import Mark
from sidecar.daemon.sinks.base import AlertTarget, Sink
from sidecar.daemon.sinks.drift import families, own
from sidecar.daemon.sinks.drift.alertmanager import Alertmanager
from sidecar.daemon.sinks.drift.book import Book
from sidecar.daemon.sinks.drift.completed import Completer
from sidecar.daemon.sinks.drift.reduced import CLOCK_SECONDS, reduced
from sidecar.daemon.sinks.drift.requests import OpenRequests, Request
from sidecar.daemon.sinks.drift.store import Store, Unreadable
from sidecar.daemon.sinks.drift.summary import summarised
from sidecar.daemon.sinks.drift.watching import OtherBaseline, Watching
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.drift import FLEET, Alert, Stream, sentence

log = logging.getLogger(__name__)

SAVE_SECONDS, SAVE_SHARE = 5.0, 20
"""Seconds from one snapshot to the next: at least these, and so many times what one takes."""


class DriftSink(Sink):
    """Watches the streams of a baseline; alerts go to the targets among the other sinks."""

    name = "drift"

    def __init__(
        self,
        settings: config.Drift,
        metrics: config.Metrics,
        archive: config.Archive,
        *,
        late_seconds: float = CLOCK_SECONDS,
    ) -> None:
        """A sample older than ``late_seconds`` has a wrong clock. Raises BaselineError."""
        self._settings, self._late = settings, late_seconds
        self._lock = threading.Lock()
        self.mark: Mark | None = None
        """That of the last batch written, or of the state."""
        self._watching = Watching(settings)
        self._watched, self._others = self._no_requests(), self._no_requests()
        self._book = Book()
        self._store = Store(settings.state_path)
        self._pusher = Alertmanager(settings.alertmanager)
        self._labels = families.StreamLabels(metrics.label_values)
        watched = [
            *self._watching.monitor.watches,
            *(Stream(model, FLEET) for model in sorted(self._watching.models())),
        ]
        self._raised = families.no_alerts(watched, self._labels)
        self._counts = own.Counts()
        self._completed = Completer(settings, archive, self._counts.explained)
        self._refused = ""
        self._restored = False
        self._next_save = 0.0

    def meet(self, others: Mapping[str, SinkRunner]) -> None:
        """Find those to be told of alerts, and the archive."""
        sinks = [runner.sink for runner in others.values()]
        targets: list[AlertTarget] = [sink for sink in sinks if isinstance(sink, AlertTarget)]
        if self._settings.alertmanager:
            targets.append(self._pusher)
        self._book.meet(targets)
        if "archive" in others:
            self._completed.flush = others["archive"].flush

    def start(self) -> None:
        """Go on from the last state. Raises store.Busy and OSError."""
        if not self._restored:
            self._restore()
            self._restored = True
            self._pusher.start(self._book.open.values())

    def write(self, batch: pa.RecordBatch) -> None:
        """Take in a batch of `schema.RECORD`."""
        mark = Mark.of(batch)
        if mark and self.mark and mark.evidence != self.mark.evidence:
            self._begin_anew()
        watched, others = self._watching.split(batch)
        rows, corrected = reduced(watched, time.time(), self._late)
        self._counts.clock += corrected
        self._store.append(mark.on(rows) if mark else rows)
        self.mark = mark or self.mark
        self._watched.add(rows)
        self._others.add(reduced(others, time.time(), self._late)[0])
        self._cut(self._watched.beyond(), self._others.beyond())

    def tick(self, now: float) -> None:  # noqa: ARG002 - durations are monotonic
        """Take the requests that are over, tell what waits, and save when it is time."""
        self._over([*self._watched.quiet(), *self._others.quiet()])
        self._book.tell()
        if time.monotonic() >= self._next_save:
            self._save()

    def flush(self) -> None:
        """See that the disk has what was written. Raises OSError while it takes nothing."""
        if self._store.error:
            self._save()
        if self._store.error:
            raise OSError(self._store.error)

    def stop(self, deadline: float) -> None:
        """Save; requests under way go on after the next start."""
        self._book.tell()
        if self._restored:
            self._save()
        self._pusher.stop(deadline)
        self._store.close()

    def fault(self) -> str:
        """What keeps state from the disk, or alerts from an Alertmanager."""
        return "; ".join(filter(None, (self._store.error, self._pusher.fault())))

    def collect(self) -> Iterator[Metric]:
        """`attention_drift_*` and `attention_sidecar_drift_*`."""
        with self._lock:
            rows = list(self._watching.rows())
            yield from families.of_streams(rows, self._labels, self._watching.monitor.threshold)
            alerts = self._watching.monitor.alerts()
            yield from families.of_alerts(alerts, self._raised, self._labels)
            yield own.requests(self._watching.outcomes)
        yield from own.collected(self._counts, self._book, self._store, len(self._watched))
        yield from self._pusher.collect()

    def summary(self) -> dict[str, Any]:
        """How many streams are in which state, and the first of those that are not fine."""
        with self._lock:
            rows, alerts = list(self._watching.rows()), list(self._book.open.values())
        return summarised(rows, alerts, self._refused)

    def _no_requests(self) -> OpenRequests:
        return OpenRequests(self._settings.idle_seconds, self._settings.open_requests)

    def _begin_anew(self) -> None:
        """Others have watched in between: what is known here says nothing about now."""
        with self._lock:
            self._watching.begin()
            given_up = self._book.give_up()
        self._watched, self._others = self._no_requests(), self._no_requests()
        self._pusher.give_up()
        if self.mark and self.mark.evidence:
            self._counts.begun_anew += 1
            log.warning("evidence begins anew; %d open alerts are given up", given_up)
        self.mark = Mark()
        self._save()

    def _cut(self, *requests: Iterable[Request]) -> None:
        found = [one for some in requests for one in some]
        self._counts.cut += len(found)
        self._over(found)

    def _over(self, requests: list[Request]) -> None:
        """Requests that are over: their alerts are entered and saved before they are told."""
        with self._lock:
            alerts = self._watching.take(requests)
        if alerts:
            self._enter(alerts)

    def _enter(self, alerts: Iterable[Alert]) -> None:
        for raw in alerts:
            alert = self._completed(raw, self._book.open.get(raw.id))
            log.warning("%s", sentence(alert))
            with self._lock:
                new = alert.id not in self._book.open
                self._book.take(alert)
                if new and alert.state == "firing":
                    stream = self._labels(Stream(alert.model_name, alert.route))
                    self._raised[(*stream, alert.kind, alert.direction)] += 1
        self._save()
        self._book.tell()
        self._save()

    def _save(self) -> None:
        start = time.monotonic()
        with self._lock:
            state = {
                "watching": self._watching.state(),
                "requests": self._watched.state(),
                "book": self._book.state(),
                "mark": self.mark and self.mark.text(),
            }
        self._counts.saved += self._store.save(state)
        took = time.monotonic() - start
        self._next_save = time.monotonic() + max(SAVE_SECONDS, SAVE_SHARE * took)

    def _restore(self) -> None:
        try:
            state = self._store.open()
            if state is not None:
                self._watching.restore(state["watching"])
                self._book.restore(state["book"])
                self._watched.restore(state["requests"])
                self.mark = Mark.parsed(state["mark"]) if state.get("mark") else None
        except OtherBaseline as error:
            self._refuse("other_baseline", error)
            return self._end((state or {})["book"])
        except (Unreadable, ValueError, KeyError, TypeError) as error:
            return self._refuse("unreadable", error)
        for batch in self._store.journalled():
            self._watched.add(batch)
            self.mark = Mark.of(batch) or self.mark
        return self._save()

    def _end(self, book: Mapping[str, Any]) -> None:
        """Alerts of another baseline are over: nobody watches what they are about any more."""
        self._book.restore(book)
        now = datetime.now(UTC)
        for alert in list(self._book.open.values()):
            over = alert.model_copy(update={"state": "resolved", "resolved": now})
            log.warning("given up with its baseline: %s", sentence(over))
            self._book.take(over)

    def _refuse(self, reason: str, error: object) -> None:
        """Begin anew, loudly; what was not used is kept beside."""
        kept = self._store.set_aside()
        self._refused = f"the state of an earlier run is not used, {error}; kept as {kept}"
        self._counts.refused[reason] += 1
        self._book.restore({"open": [], "untold": []})
        self._watching.begin()
        log.error("%s", self._refused)
