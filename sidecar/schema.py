"""The Arrow schemas: the one definition that wire, archive, sinks and docs are derived from.

A *sample* is one sampled decode step of one request. Its per-head arrays are flattened row-major:
``[layer, head]`` or ``[layer, head, segment]`` with the segment last, so that
``np.reshape(column, (layers, heads, segments))`` restores them.
"""

import pyarrow as pa

SCHEMA_VERSION = 2
"""Of the record. Version 2 added the signals of calibrated heads."""

WIRE_VERSION = 1
"""Of what a tap sends; a tap and a daemon with the same one understand each other."""

VERSION_KEY = b"attention_schema_version"

ROLES = (
    "sink",
    "system",
    "context",
    "history",
    "query",
    "tool",
    "image",
    "audio",
    "generated",
    "other",
)
SINK_TOKENS = 4


def _field(name: str, kind: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


IDENTITY = (
    _field("record_id", pa.string(), "Unique, and the same when a sample is delivered twice."),
    _field("engine", pa.string(), "Engine index, as in the `engine` label of vLLM's metrics."),
    _field("boot", pa.string(), "Changes whenever the engine process starts; scopes `sequence`."),
    _field("rank", pa.int16(), "Tensor-parallel rank that produced the sample."),
    _field("sequence", pa.int64(), "Counts the samples of one boot and rank; a gap is a loss."),
    _field("time", pa.timestamp("us", tz="UTC"), "When the step ended, by the engine's clock."),
    _field("request_id", pa.string(), "The engine's request id."),
    _field("trace_id", pa.string(), "W3C trace id of the caller.", nullable=True),
    _field("traceparent", pa.string(), "W3C traceparent header of the caller.", nullable=True),
    _field("model_name", pa.string(), "Served model name."),
    _field("model_revision", pa.string(), "Revision the engine was started with.", nullable=True),
    _field("route", pa.string(), "The request's `route` tag.", nullable=True),
    _field("tags", pa.map_(pa.string(), pa.string()), "The request's other tags."),
)

SHAPE = (
    _field("step", pa.int32(), "Output step: 0 is the first generated token."),
    _field("prompt_length", pa.int32(), "Prompt tokens."),
    _field("context_length", pa.int32(), "Positions attended to, this step's own included."),
    _field("sampling_rate", pa.float32(), "Request rate in force when the request was chosen."),
    _field("stride", pa.int32(), "Step stride in force: every stride-th step is sampled."),
    _field("forced", pa.bool_(), "The request asked for it; leave out when reweighting by rate."),
    _field("documents_declared", pa.int32(), "Documents the request named or marked."),
    _field("documents_found", pa.int32(), "Documents whose tokens were found in the prompt."),
    _field("span_method", pa.string(), "How documents were found: explicit, text, markers, none."),
    _field("span_failures", pa.list_(pa.string()), "One reason for each document not found."),
    _field("layers", pa.list_(pa.int16()), "Indices of the tapped layers."),
    _field("heads", pa.int16(), "Query heads per layer on this rank."),
    _field("segment_role", pa.list_(pa.string()), "Role of each segment, in order of position."),
    _field("segment_source", pa.list_(pa.string()), "Document id of a context segment, else ''."),
    _field("segment_start", pa.list_(pa.int32()), "First position of each segment."),
    _field("segment_end", pa.list_(pa.int32()), "One past the last position of each segment."),
)

HEADS = (
    _field("mass", pa.list_(pa.float32()), "[layer, head, segment] attention mass; sums to 1."),
    _field("peak", pa.list_(pa.float32()), "[layer, head, segment] largest single weight."),
    _field("argmax", pa.list_(pa.int32()), "[layer, head] position of the largest weight."),
    _field("copied", pa.list_(pa.bool_()), "[layer, head] the token there is the one emitted."),
    _field("entropy", pa.list_(pa.float32()), "[layer, head] entropy of the weights, nats."),
    _field("square_sum", pa.list_(pa.float32()), "[layer, head] sum of squared weights."),
    _field("self_weight", pa.list_(pa.float32()), "[layer, head] weight on the step itself."),
    _field("previous_weight", pa.list_(pa.float32()), "[layer, head] weight one position back."),
)

_SIGNAL_DOCS = {
    "context_share": "Mass on retrieved documents divided by mass outside the sink.",
    "sink_share": "Mass on the first 4 tokens.",
    "lookback_ratio": "Mean weight per prompt token over that plus the mean per generated token.",
    "entropy_ratio": "Entropy of the weights divided by ln(context length).",
    "head_concentration": "Sum of squared weights.",
    "context_gini": "Gini coefficient of context share over heads.",
    "top_document_share": "Largest document's share of the mass on documents.",
    "document_entropy": "Entropy over documents divided by ln(number of documents).",
    "copy_rate": "Share of heads whose most-attended token is the one emitted.",
    "calibrated_context_share": "`context_share` of the calibrated heads alone.",
    "retrieval_rate": "Share of calibrated heads that copy the emitted token from a document.",
    "grounding_score": "Mean of `calibrated_context_share` and `retrieval_rate`.",
}
SIGNAL_NAMES = tuple(_SIGNAL_DOCS)
"""Scalars, all within [0, 1]; means over tapped or calibrated heads; null is *not measured*."""

LAYER_SIGNAL_NAMES = (
    "context_share",
    "sink_share",
    "lookback_ratio",
    "entropy_ratio",
    "head_concentration",
    "copy_rate",
)
"""The signals that are also kept per layer, in columns named ``layer_<signal>``."""

SIGNALS = tuple(
    _field(name, pa.float32(), doc, nullable=True) for name, doc in _SIGNAL_DOCS.items()
) + tuple(
    _field(
        f"layer_{name}",
        pa.list_(pa.float32()),
        f"[layer] {_SIGNAL_DOCS[name]} Mean over heads; NaN is not measured.",
    )
    for name in LAYER_SIGNAL_NAMES
)


def _schema(version: int, *groups: tuple[pa.Field, ...]) -> pa.Schema:
    fields = [field for group in groups for field in group]
    return pa.schema(fields, metadata={VERSION_KEY: str(version).encode()})


WIRE = _schema(WIRE_VERSION, IDENTITY, SHAPE, HEADS)
"""What the tap sends."""

RECORD = _schema(SCHEMA_VERSION, IDENTITY, SHAPE, SIGNALS, HEADS)
"""What the daemon hands to its sinks and the archive stores."""

SCALAR_RECORD = _schema(SCHEMA_VERSION, IDENTITY, SHAPE, SIGNALS)
"""The same without per-head arrays."""


class SchemaMismatch(ValueError):
    """A batch does not have the schema it should have."""


def check(batch: pa.RecordBatch, expected: pa.Schema) -> None:
    """Raise SchemaMismatch, naming the first field that differs or the version."""
    version = (batch.schema.metadata or {}).get(VERSION_KEY)
    if version != expected.metadata[VERSION_KEY]:
        right = expected.metadata[VERSION_KEY].decode()
        raise SchemaMismatch(f"schema version is {version!r}, expected {right}")
    for field in expected:
        position = batch.schema.get_field_index(field.name)
        if position < 0:
            raise SchemaMismatch(f"field {field.name!r} is missing")
        if batch.schema.field(position).type != field.type:
            found = batch.schema.field(position).type
            raise SchemaMismatch(f"field {field.name!r} is {found}, expected {field.type}")
    if len(batch.schema) != len(expected):
        extra = sorted(set(batch.schema.names) - set(expected.names))
        raise SchemaMismatch(f"unexpected fields {extra}")
