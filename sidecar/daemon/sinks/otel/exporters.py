"""The SDK's exporters for OTLP, over gRPC or HTTP, as functions that say whether they succeeded."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sidecar.config import Otel


class Exporter(NamedTuple):
    """One kind of data's way to the collector."""

    export: Callable[[list[Any]], bool]
    """Send a batch; False when the collector did not take it."""
    shutdown: Callable[[], object]
    """End an export that is under way."""


def exporters(settings: Otel) -> dict[str, Exporter]:
    """Those of `events`, `spans` and `metrics`; they connect when they have something to send.

    They take `ReadableLogRecord`, `ReadableSpan` and `MetricsData`. Raises OSError when
    `otel.certificate` cannot be read.
    """
    made = _grpc(settings) if settings.protocol == "grpc" else _http(settings)
    return {kind: _exporter(kind, exporter) for kind, exporter in made.items()}


def _exporter(kind: str, exporter: Any) -> Exporter:
    """`MetricsData` go one by one: in one export, the second of an engine replaces the first."""

    def export(batch: list[Any]) -> bool:
        parts = batch if kind == "metrics" else [batch]
        return all(exporter.export(part).name == "SUCCESS" for part in parts)

    return Exporter(export, exporter.shutdown)


def _grpc(settings: Otel) -> dict[str, Any]:
    from grpc import ssl_channel_credentials
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    trusted = settings.certificate
    options: dict[str, Any] = {
        "endpoint": settings.endpoint,
        "insecure": str(settings.endpoint).startswith("http://"),
        "credentials": ssl_channel_credentials(trusted.read_bytes()) if trusted else None,
        "headers": _headers(settings),
        "timeout": settings.timeout_seconds,
    }
    return {
        "events": OTLPLogExporter(**options),
        "spans": OTLPSpanExporter(**options),
        "metrics": OTLPMetricExporter(**options),
    }


def _http(settings: Otel) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = str(settings.endpoint).rstrip("/")
    options: dict[str, Any] = {
        "certificate_file": str(settings.certificate) if settings.certificate else None,
        "headers": _headers(settings),
        "timeout": settings.timeout_seconds,
    }
    return {
        "events": OTLPLogExporter(f"{base}/v1/logs", **options),
        "spans": OTLPSpanExporter(f"{base}/v1/traces", **options),
        "metrics": OTLPMetricExporter(f"{base}/v1/metrics", **options),
    }


def _headers(settings: Otel) -> dict[str, str]:
    return {name.lower(): value.get_secret_value() for name, value in settings.headers.items()}
