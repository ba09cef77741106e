"""Which positions of a prompt are what: documents, roles, and the rest."""

from sidecar.tap.spans.find import SpanFinder
from sidecar.tap.spans.markers import MarkerError
from sidecar.tap.spans.segments import Spans, extend

__all__ = ["MarkerError", "SpanFinder", "Spans", "extend"]
