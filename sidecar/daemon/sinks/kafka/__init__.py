"""Samples to Kafka, through a queue on disk."""

from sidecar.daemon.sinks.kafka.sink import KafkaSink

__all__ = ["KafkaSink"]
