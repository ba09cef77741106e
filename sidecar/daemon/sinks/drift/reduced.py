"""Samples reduced to what drift looks at, with lengths and values as the archive gives them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar import archive, signals
from sidecar.drift import WATCHED

LENGTHS = ("context", "position", "documents")
KEY = ("model_name", "route", "engine", "boot", "request_id")
VALUES = (*LENGTHS, *WATCHED)
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in (*KEY, "session")),
        pa.field("time", pa.int64()),
        *(pa.field(name, pa.float64()) for name in VALUES),
    ]
)
"""A sample: whose it is, microseconds since the epoch, log context tokens, log (1 + step), number
of documents, and signals, NaN where not measured."""

LONGEST_ID = 256
"""Characters of a request id that are kept, from its end, which is what makes it unique."""
CLOCK_SECONDS = 300.0
"""An engine's clock this far from the daemon's is not believed."""


def reduced(
    batch: pa.RecordBatch, now: float, late_seconds: float = CLOCK_SECONDS
) -> tuple[pa.RecordBatch, int]:
    """Samples of `schema.RECORD` as of `SCHEMA`, and how many have ``now`` for their own time.

    ``now`` is in seconds since the epoch; none is believed to be older than ``late_seconds``.
    """
    time = signals.numbers(batch.column("time").cast(pa.int64()))
    arrived = int(now * 1e6)
    wrong = (time - arrived > CLOCK_SECONDS * 1e6) | (arrived - time > late_seconds * 1e6)
    kept = archive.rounded(batch.select(list(WATCHED)))
    columns = {
        "model_name": batch.column("model_name"),
        "route": batch.column("route").fill_null(""),
        "engine": batch.column("engine"),
        "boot": batch.column("boot"),
        "request_id": pc.utf8_slice_codeunits(batch.column("request_id"), start=-LONGEST_ID),
        "session": _session(batch.column("tags")),
        "time": np.where(wrong, arrived, time),
        "context": np.log(np.maximum(signals.numbers(batch.column("context_length")), 1)),
        "position": np.log1p(np.maximum(signals.numbers(batch.column("step")), 0)),
        "documents": signals.numbers(batch.column("documents_declared")).astype(np.float64),
        **{name: signals.floats(kept.column(name)).astype(np.float64) for name in WATCHED},
    }
    return pa.RecordBatch.from_arrays(
        [pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA
    ), int(wrong.sum())


def _session(tags: pa.Array) -> pa.Array:
    found = pc.map_lookup(tags, query_key=pa.scalar("session"), occurrence="first")
    return found.fill_null("")


def by_request(batch: pa.RecordBatch) -> list[NDArray[np.intp]]:
    """The rows of each request of a batch of `SCHEMA`, in order of arrival."""
    code = np.zeros(len(batch), dtype=np.int64)
    for name in KEY:
        encoded = pc.dictionary_encode(batch.column(name))
        code = code * len(encoded.dictionary) + signals.numbers(encoded.indices)
        code = np.unique(code, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
