"""The sinks that the settings ask for; the library of one is loaded only where it is asked for."""

from collections.abc import Callable
from functools import partial

from sidecar.config import Settings
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sinks.archive import ArchiveSink
from sidecar.daemon.sinks.base import Sink
from sidecar.daemon.sinks.prometheus import PrometheusSink

_EXTRAS = {"confluent_kafka": "librdkafka"}
"""The extra that has a library, where it is not the one of the sink's name."""
LATEST_SECONDS = 14 * 86_400.0
"""Samples wait for brokers in a daemon's spill, and for a monitor in their topic: days at most."""


class MissingLibrary(RuntimeError):
    """A library that the settings ask for is not installed."""


class Unusable(RuntimeError):
    """A file that the settings name cannot be used."""


def chosen(settings: Settings, own: OwnMetrics) -> dict[str, Sink]:
    """The sinks by their names on the page; raises MissingLibrary and Unusable."""
    sinks: dict[str, Sink] = {"signals": PrometheusSink(settings.metrics, own)}
    if settings.archive.enabled:
        sinks["archive"] = ArchiveSink(settings.archive)
    sinks |= _exporters(settings, own, samples=True)
    if settings.drift.baseline:
        sinks["drift"] = _drift(settings)
    return sinks


def alerting(settings: Settings, own: OwnMetrics) -> dict[str, Sink]:
    """Drift and those it tells, for samples that others publish; raises as `chosen` does."""
    drift = _drift(settings, late_seconds=LATEST_SECONDS)
    return {**_exporters(settings, own, samples=False), "drift": drift}


def _exporters(settings: Settings, own: OwnMetrics, *, samples: bool) -> dict[str, Sink]:
    sinks: dict[str, Sink] = {}
    if settings.otel.endpoint:
        sinks["otel"] = _loaded("otel", "otel.endpoint", lambda: _otel(settings))
    if settings.kafka.bootstrap_servers:
        kafka = partial(_kafka, settings, own, samples=samples)
        sinks["kafka"] = _loaded("kafka", "kafka.client", kafka)
    return sinks


def _otel(settings: Settings) -> Sink:
    from sidecar.daemon.sinks.otel import OtelSink

    return OtelSink(settings.otel, settings.metrics)


def _kafka(settings: Settings, own: OwnMetrics, *, samples: bool) -> Sink:
    from sidecar.daemon.sinks.kafka import KafkaSink

    alerts = bool(settings.drift.baseline)
    return KafkaSink(settings.kafka, own, samples=samples, alerts=alerts)


def _drift(settings: Settings, **late: float) -> Sink:
    from sidecar.daemon.sinks.drift import DriftSink
    from sidecar.drift import BaselineError

    try:
        return DriftSink(settings.drift, settings.metrics, settings.archive, **late)
    except BaselineError as error:
        raise Unusable(f"drift.baseline: {error}") from None


def _loaded(extra: str, setting: str, build: Callable[[], Sink]) -> Sink:
    try:
        return build()
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(str(error.name), extra)
        raise MissingLibrary(
            f"{setting}: {error.name} is missing: pip install 'attention-sidecar[{extra}]'"
        ) from None
