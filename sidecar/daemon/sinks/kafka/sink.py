"""The Kafka sink: encodes batches and hands them to a stream for each topic."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, StateSetMetricFamily
from prometheus_client.metrics_core import Metric

from sidecar import config
from sidecar.daemon.own import OwnMetrics, begin
from sidecar.daemon.sinks.base import Retryable, Sink, Unusable
from sidecar.daemon.sinks.kafka import encode
from sidecar.daemon.sinks.kafka.client import connector
from sidecar.daemon.sinks.kafka.condition import NOT_CONFIGURED, STATES
from sidecar.daemon.sinks.kafka.left_over import left_over
from sidecar.daemon.sinks.kafka.messages import JSON, Messages
from sidecar.daemon.sinks.kafka.spill import Busy
from sidecar.daemon.sinks.kafka.stream import LOST_REASONS, Stream

if TYPE_CHECKING:
    from sidecar.drift import Alert

log = logging.getLogger(__name__)

_PREFIX = "attention_sidecar_kafka_"
_ALERT_VERSION = 1
_CLOSING_SECONDS = 0.5
"""Left of the time to stop for closing clients and files."""


class KafkaSink(Sink):
    """A write succeeds when the messages are in the queue on disk, broker or no broker."""

    name = "kafka"

    def __init__(
        self,
        settings: config.Kafka,
        metrics: OwnMetrics,
        *,
        samples: bool = True,
        alerts: bool = False,
    ) -> None:
        """Topics of ``samples`` and ``alerts`` are opened where asked for.

        Raises ModuleNotFoundError without the client's library.
        """
        self._settings, self._connect = settings, connector(settings)
        self._samples, self._alerts, self._stopped = samples, alerts, False
        self._dropped = metrics.dropped
        begin(self._dropped, LOST_REASONS, self.name)
        self._streams: dict[str, Stream] = {}
        self._left_over: dict[str, int] = {}
        self._errors: dict[str, str] = {}

    def start(self) -> None:
        """Open the queues and begin to connect. Raises Unusable."""
        topics = [self._settings.samples_topic] if self._samples else []
        if self._samples and self._settings.archive:
            topics.append(self._settings.archive_topic)
        if self._alerts:
            topics.append(self._settings.alerts_topic)
        for topic in topics:
            if topic not in self._streams:
                self._streams[topic] = self._opened(topic)
                self._streams[topic].start()
        self._left_over = left_over(self._settings.spill_path, topics)

    def write(self, batch: pa.RecordBatch) -> None:
        """Queue a batch of `schema.RECORD` for each topic, whatever becomes of the other."""
        settings = self._settings
        self._queue(settings.samples_topic, batch, lambda: [encode.samples(batch, settings)])
        if settings.archive:
            limit = settings.max_message_bytes
            self._queue(settings.archive_topic, batch, lambda: encode.whole(batch, limit))

    def tell(self, alert: "Alert") -> None:
        """Queue an alert for its topic. Raises Retryable before the start and after the end."""
        topic = self._settings.alerts_topic
        if self._stopped or topic not in self._streams:
            raise Retryable(f"topic {topic!r} is not open")
        value = alert.model_dump_json().encode()
        messages = Messages(JSON, _ALERT_VERSION, [alert.id.encode()], [value], [None])
        self._streams[topic].put(messages)

    def fault(self) -> str:
        """What keeps samples from the brokers, by topic."""
        found = list(self._errors.values())
        for stream in self._streams.values():
            found += [stream.condition.fault, stream.spill.error]
        return "; ".join(filter(None, found))

    def stop(self, deadline: float) -> None:
        """Send what can be sent by then; the rest waits on disk for the next start."""
        self._stopped = True
        for stream in self._streams.values():
            stream.finish(deadline - _CLOSING_SECONDS)
        for stream in self._streams.values():
            stream.join(deadline)

    def collect(self) -> Iterator[Metric]:
        """`attention_sidecar_kafka_*`."""
        topic = ["topic"]
        state = StateSetMetricFamily(f"{_PREFIX}state", "State of a topic.", labels=topic)
        delivered = CounterMetricFamily(
            f"{_PREFIX}delivered_samples", "Samples that brokers have acknowledged.", labels=topic
        )
        lost = CounterMetricFamily(
            f"{_PREFIX}lost_samples", "Samples lost, by reason.", labels=["topic", "reason"]
        )
        waiting = GaugeMetricFamily(
            f"{_PREFIX}waiting_samples", "Samples not yet acknowledged.", labels=topic
        )
        size = GaugeMetricFamily(f"{_PREFIX}spill_bytes", "Bytes in the spill.", labels=topic)
        torn = CounterMetricFamily(
            f"{_PREFIX}torn_bytes", "Bytes that a crash left incomplete.", labels=topic
        )
        connections = CounterMetricFamily(
            f"{_PREFIX}connections", "Clients connected; all after the first.", labels=topic
        )
        for name, stream in list(self._streams.items()):
            state.add_metric([name], {one: one == stream.condition.state for one in STATES})
            delivered.add_metric([name], stream.delivered)
            for reason, count in list(stream.lost.items()):
                lost.add_metric([name, reason], count)
            waiting.add_metric([name], stream.spill.samples)
            size.add_metric([name], stream.spill.size)
            torn.add_metric([name], stream.spill.torn_bytes)
            connections.add_metric([name], stream.connections)
        for name, samples in self._left_over.items():
            state.add_metric([name], {one: one == NOT_CONFIGURED for one in STATES})
            waiting.add_metric([name], samples)
        yield from (state, delivered, lost, waiting, size, torn, connections)

    def _opened(self, topic: str) -> Stream:
        try:
            return Stream(self._settings, topic, self._connect, self._count_lost)
        except Busy as error:
            raise Unusable(f"kafka.spill_path: {error}; give each its own folder") from None
        except OSError as error:
            raise Unusable(
                f"kafka.spill_path: {error.filename or self._settings.spill_path} cannot be used: "
                f"{error.strerror}; should be a folder that this user may write to"
            ) from None

    def _queue(
        self, topic: str, batch: pa.RecordBatch, encoded: Callable[[], Iterable[Messages]]
    ) -> None:
        left = len(batch)
        try:
            for messages in encoded():
                self._streams[topic].put(messages)
                left -= messages.samples
        except Exception as error:
            if topic not in self._errors:
                log.exception("topic %s: samples are lost", topic)
            self._errors[topic] = f"topic {topic!r}: {type(error).__name__}: {error}"
            self._streams[topic].lose(left, "error")
        else:
            self._errors.pop(topic, None)

    def _count_lost(self, samples: int, reason: str) -> None:
        self._dropped.labels(self.name, reason).inc(samples)
