"""Messages between tap and daemon: two-part ZeroMQ messages of a tag and a payload.

The tap pushes ``samples`` (an Arrow IPC stream of one `schema.WIRE` batch) and ``status`` (JSON) to
the daemon; the daemon publishes ``sampling`` (JSON) to every tap.
"""

from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from sidecar.config import Sampling

SAMPLES = b"samples"
STATUS = b"status"
SAMPLING = b"sampling"

TapState = Literal["starting", "active", "blind", "off", "tripped"]
"""`blind`: nothing can come through. `off`: by the operator's will. `tripped`: by failures."""


class Malformed(ValueError):
    """A payload that cannot be read."""


class TapStatus(BaseModel):
    """What a tap says of itself every second. Counts are totals since the process started."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    engine: str
    boot: str
    rank: int = 0
    model_name: str
    time: float
    """The tap's clock, seconds since the epoch."""
    version: str
    vllm_version: str
    runner: str
    backend: str
    device: str
    state: TapState
    reason: str = ""
    """Why the state is not `active`, or which settings are not in force, and what to do."""
    sampling: Sampling
    """The settings in force, as last announced by the daemon or configured at start."""
    effective_rate: float
    """The rate after the budget has had its say."""
    tapped_layers: list[int] = []
    steps: int = 0
    """Engine steps seen."""
    requests: int = 0
    """Requests seen."""
    requests_sampled: int = 0
    samples: int = 0
    """Samples made, sent or dropped; the last sequence number plus one."""
    seconds: dict[str, float] = {}
    """Seconds spent in the engine's thread, by stage."""
    dropped: dict[str, int] = {}
    """Samples dropped by the tap, by reason."""
    errors: dict[str, int] = {}
    """Exceptions caught inside the tap, by type."""
    spans: dict[str, int] = {}
    """Sampled requests by how their documents were found."""
    span_failures: dict[str, int] = {}
    """Documents not found, by reason."""
    queue_depth: int = 0


def encode_batch(batch: pa.RecordBatch) -> bytes:
    """Arrow IPC stream of one record batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def decode_batch(payload: Any) -> pa.RecordBatch:
    """Read what `encode_batch` wrote, without a copy; the arrays are validated in full.

    Raises Malformed.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
            batch = reader.read_next_batch()
        batch.validate(full=True)
    except (pa.ArrowException, StopIteration, OSError, ValueError) as error:
        raise Malformed(f"not an Arrow record batch: {error}") from error
    return batch
