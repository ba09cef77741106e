"""The samples of a fleet as a source: from Kafka to drift, each record once."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from kafka.errors import KafkaError
from prometheus_client.metrics_core import Metric

from sidecar import signals
from sidecar.config import Settings
from sidecar.daemon.consumers import progress
from sidecar.daemon.consumers.member import Member
from sidecar.daemon.consumers.polled import Records, after, expired, split
from sidecar.daemon.consumers.progress import Progress
from sidecar.daemon.consumers.samples import REASONS, batch_of
from sidecar.daemon.consumers.seen import Seen
from sidecar.daemon.mark import Mark
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.role import Role, Source
from sidecar.daemon.sinks.chosen import alerting
from sidecar.daemon.sinks.drift import DriftSink
from sidecar.daemon.sinks.kafka.client import Away
from sidecar.daemon.sinks.runner import SinkRunner

log = logging.getLogger(__name__)

COMMIT_SECONDS, MEASURE_SECONDS = 1.0, 2.0
RETRY_SECONDS = 2.0
_SEEN = 200_000
"""Ids that are remembered, some 40 MB."""
_NOTHING, _ = batch_of([])


class Fleet:
    """One thread that hands what a member of the group reads to the drift sink, and waits for it.

    Nothing is read before the sink has its state, since that says from where to read.
    """

    name = "fleet"
    sampling = None

    def __init__(
        self,
        settings: Settings,
        group: str,
        drift: SinkRunner,
        metrics: OwnMetrics,
        *,
        from_start: bool,
    ) -> None:
        assert isinstance(drift.sink, DriftSink)
        self._settings, self._group, self._from_start = settings.kafka, group, from_start
        self._runner, self._sink, self._metrics = drift, drift.sink, metrics
        self.place = f"topic {settings.kafka.samples_topic} as group {group}"
        self.progress = Progress()
        for reason in REASONS:
            metrics.bad_messages.labels(reason)
        self._seen = Seen(_SEEN)
        """Of the evidence that is gathered now."""
        self._written = True
        self._next_commit = self._next_measure = 0.0
        self._stop_by: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    @property
    def alive(self) -> bool:
        """The thread is running."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, which joins the group once the sink has its state."""
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Finish what was read, commit and leave the group."""
        self._stop_by = deadline
        self._stopping.set()
        self._thread.join(max(0.0, deadline - time.monotonic()) + 0.5)
        if self._thread.is_alive():
            log.error("the member of the group did not leave in time")

    def collect(self) -> Iterable[Metric]:
        """`attention_sidecar_fleet_*`."""
        return progress.families(self.progress)

    def summary(self) -> dict[str, Any]:
        """The group, and how far behind its topic this member is."""
        where = {"group": self._group, "topic": self._settings.samples_topic}
        return {"taps": [], "fleet": {**where, **self.progress.summary()}}

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._await_state()
                self._follow()
            except (Away, KafkaError, OSError) as error:
                self.progress.show("away", str(error))
                log.warning("not connected: %s", error)
            except Exception as error:
                self.progress.show("away", repr(error))
                log.exception("unexpected error; joining the group anew")
            self._stopping.wait(RETRY_SECONDS)

    def _await_state(self) -> None:
        """Wait until the sink has started."""
        while not self._stopping.is_set():
            self.progress.show("starting", self._runner.error)
            try:
                return self._runner.flush(1.0)
            except TimeoutError:
                continue
            except OSError:  # the disk takes nothing, which is the sink's fault to show
                return None
        return None

    def _follow(self) -> None:
        """Read as a member of the group until it is time to stop. Raises Away and KafkaError."""
        if self._stopping.is_set():
            return
        self._next_measure = 0.0
        member = Member(self._settings, self._group, self._sink.mark, from_start=self._from_start)
        try:
            while not self._stopping.is_set():
                self._turn(member)
            if self._written:
                self._commit(member)
        finally:
            member.close()

    def _turn(self, member: Member) -> None:
        found = member.poll()
        if member.settled and member.mark.evidence != self._evidence():
            self._begin(member)
        if found:
            self._take(member, found)
        if self._written and time.monotonic() >= self._next_commit:
            self._commit(member)
        if member.settled and time.monotonic() >= self._next_measure:
            self._measure(member)

    def _begin(self, member: Member) -> None:
        """Have the sink know at once that its evidence is of no use, or that it begins."""
        self.progress.takeovers += member.takeovers
        member.takeovers = 0
        self._seen = Seen(_SEEN)
        self._hand(_NOTHING, member.mark)

    def _take(self, member: Member, found: Records) -> None:
        """Hand on what is new; what was taken before is remembered alone."""
        old, new = split(found, member.mark.following)
        self._seen.remember(_ids(batch_of(old)[0]))
        if not new:
            return
        batch, refused = batch_of(new)
        for reason, count in refused.items():
            self._metrics.bad_messages.labels(reason).inc(count)
        fresh = signals.only(batch, self._seen.fresh(batch))
        self.progress.duplicates += len(batch) - len(fresh)
        self.progress.expired += expired(found, member.mark.following)
        self._metrics.samples.inc(len(batch))
        mark = Mark(member.mark.evidence, after(found, member.mark.following))
        self._hand(fresh, mark)
        self._seen.remember(_ids(fresh))
        member.mark = mark

    def _hand(self, batch: pa.RecordBatch, mark: Mark) -> None:
        """Wait until the sink has a batch, and its disk if it takes anything."""
        self._written = False
        self._runner.offer(mark.on(batch))
        while self._stop_by is None or time.monotonic() < self._stop_by:
            try:
                self._runner.flush(1.0)
            except TimeoutError:
                continue
            except OSError as error:
                log.warning("offsets are not committed: %s", error)
            else:
                self._written = True
            return

    def _commit(self, member: Member) -> None:
        self._next_commit = time.monotonic() + COMMIT_SECONDS
        try:
            member.commit()
        except KafkaError as error:
            self.progress.failed_commits += 1
            log.warning("cannot commit; this member's own state has the offsets: %s", error)

    def _measure(self, member: Member) -> None:
        self._next_measure = time.monotonic() + MEASURE_SECONDS
        try:
            self.progress.lag = member.lag()
        except KafkaError as error:
            self.progress.show("away", str(error))
        else:
            self.progress.show("watching" if member.mark.following else "standby", "")

    def _evidence(self) -> str:
        return self._sink.mark.evidence if self._sink.mark else ""


def watching(group: str, *, from_start: bool) -> Role:
    """The monitor of a fleet, as a member of a consumer group."""

    def source(
        settings: Settings, runners: Mapping[str, SinkRunner], metrics: OwnMetrics
    ) -> Source:
        return Fleet(settings, group, runners["drift"], metrics, from_start=from_start)

    return Role(alerting, source)


def _ids(batch: pa.RecordBatch) -> list[str]:
    return batch.column("record_id").to_pylist()  # type: ignore[no-any-return]
