"""Sampled requests as OpenTelemetry events, outlier spans and histograms, on the caller's trace."""

from sidecar.daemon.sinks.otel.sink import OtelSink

__all__ = ["OtelSink"]
