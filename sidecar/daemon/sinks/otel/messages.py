"""A request as events and as a span, on the trace of its caller."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from sidecar.daemon.sinks.otel import conventions
from sidecar.daemon.sinks.otel.origin import SCOPE
from sidecar.daemon.sinks.otel.requests import Request

if TYPE_CHECKING:
    from sidecar.drift import Alert

OUTLIER_SPAN = "attention outlier"
DRIFT_ALERT = "attention.drift.alert"
_PLAIN = (
    *("id", "state", "kind", "signal", "direction", "calibrated"),
    *("shift", "percent", "deviations", "requests", "run_length"),
)

_propagator = TraceContextTextMapPropagator()
_ids = RandomIdGenerator()


def caller(traceparent: str | None) -> Context:
    """The caller's context; an empty one without a valid header."""
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, Context())


def span_context(context: Context) -> SpanContext:
    """Trace, span and flags of a context."""
    return get_current_span(context).get_span_context()


def events(request: Request, context: Context, resource: Resource) -> Iterator[ReadableLogRecord]:
    """An event for each signal that was measured, with the mean over the request's samples."""
    common = _attributes(request)
    for signal, mean, samples in request.means():
        attributes = {
            conventions.EVALUATION_NAME: signal,
            conventions.SCORE_VALUE: mean,
            "attention.samples": samples,
            conventions.RECORD_UID: str(uuid4()),
            **common,
        }
        record = LogRecord(
            timestamp=request.last,
            context=context,
            severity_number=SeverityNumber.INFO,
            attributes=attributes,
            event_name=conventions.EVALUATION_RESULT,
        )
        yield ReadableLogRecord(record, resource, SCOPE)


def drift_alert(alert: "Alert", resource: Resource) -> ReadableLogRecord:
    """An event of the severity WARN, or INFO when the alert is over; of no trace."""
    firing = alert.state == "firing"
    told = alert.raised if firing or alert.resolved is None else alert.resolved
    record = LogRecord(
        timestamp=int(told.timestamp() * 1e9),
        context=Context(),
        severity_number=SeverityNumber.WARN if firing else SeverityNumber.INFO,
        attributes=_told_of(alert),
        event_name=DRIFT_ALERT,
    )
    return ReadableLogRecord(record, resource, SCOPE)


def _told_of(alert: "Alert") -> dict[str, Any]:
    """The attributes of its event; lists without an element are left out."""
    lists = {
        "also": list(alert.also),
        "moved": [one.signal for one in alert.moved],
        "still": list(alert.still),
        "moved_most": [f"{one.kind} {one.name}" for one in alert.details],
    }
    return {
        conventions.RESPONSE_MODEL: alert.model_name,
        conventions.RECORD_UID: f"{alert.id}-{alert.state}-{len(alert.also)}",
        "attention.tag.route": alert.route,
        "attention.drift.since": alert.since.isoformat(),
        **{f"attention.drift.{name}": getattr(alert, name) for name in _PLAIN},
        **{f"attention.drift.{name}": found for name, found in lists.items() if found},
        **{f"attention.drift.link.{name}": url for name, url in alert.links.items()},
    }


def span(
    request: Request, conditions: Sequence[str], context: Context, resource: Resource
) -> ReadableSpan:
    """A child of the caller's span, from the first sample to the last."""
    parent = span_context(context)
    means = {f"attention.{signal}": mean for signal, mean, _ in request.means()}
    return ReadableSpan(
        OUTLIER_SPAN,
        context=SpanContext(
            parent.trace_id, _ids.generate_span_id(), False, parent.trace_flags, parent.trace_state
        ),
        parent=parent,
        resource=resource,
        attributes={"attention.outlier": list(conditions), **means, **_attributes(request)},
        start_time=request.first,
        end_time=request.last,
        instrumentation_scope=SCOPE,
    )


def _attributes(request: Request) -> dict[str, AttributeValue]:
    return {
        conventions.RESPONSE_ID: conventions.response_id(request.request_id),
        conventions.REQUEST_ID: conventions.request_id(request.request_id),
        conventions.RESPONSE_MODEL: request.model_name,
        "attention.engine": request.engine,
        "attention.prompt_length": request.prompt_length,
        "attention.context_length": request.context_length,
        "attention.sampling_rate": request.sampling_rate,
        **{f"attention.tag.{name}": value for name, value in request.tags.items()},
    }
