"""Previews of the dashboards, drawn with matplotlib from what a Prometheus answers."""

from sidecar.grafana.preview.answers import Answers, Live, PreviewError, Recorded, Recording
from sidecar.grafana.preview.choice import check, in_queries
from sidecar.grafana.preview.fetch import Span
from sidecar.grafana.preview.page import write

__all__ = [
    "Answers",
    "Live",
    "PreviewError",
    "Recorded",
    "Recording",
    "Span",
    "check",
    "in_queries",
    "write",
]
