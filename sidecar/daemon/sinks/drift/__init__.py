"""Drift alerts from samples, and where they go."""

from sidecar.daemon.sinks.drift.sink import DriftSink

__all__ = ["DriftSink"]
