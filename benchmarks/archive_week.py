"""A week of scalar samples of one route, written to an archive by the archive's own writer."""

import secrets
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sidecar import archive, config, schema

HOURS = 7 * 24
FILES_PER_HOUR = 12
"""What `archive.roll_seconds` of five minutes makes."""

ROUTE = "rag"
_START = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1_000_000
_HOUR_US = 3_600_000_000
_STEPS = 8
_LAYERS = [8, 12, 16, 20]
_ROLES = ["sink", "system", *["context"] * 5, "query"]


def write(
    folder: Path,
    samples: int,
    processes: int = 2,
    *,
    hours: int = HOURS,
    files: int = FILES_PER_HOUR,
) -> None:
    """Write ``samples`` samples, evenly over a week; some 110 bytes each on disk.

    Of another number of ``hours``, or of ``files`` an hour, where these are given.
    """
    settings = config.Archive(path=folder, per_head=False)
    rows = round(samples / hours / files)
    shares = [range(start, hours, processes) for start in range(processes)]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for done in [pool.submit(_write_hours, settings, share, rows, files) for share in shares]:
            done.result()


def _write_hours(settings: config.Archive, hours: range, rows: int, files: int) -> None:
    rng = np.random.default_rng(hours.start)
    template = _template(rng, rows)
    writer = archive.Writer(settings, name=f"week-{hours.start}", clock=lambda: 0.0)
    for hour in hours:
        for part in range(files):
            writer.append(_at(template, rng, hour, part, files))
            writer.tick(now=settings.roll_seconds)
    writer.close()


def _at(
    template: pa.RecordBatch, rng: np.random.Generator, hour: int, part: int, files: int
) -> pa.RecordBatch:
    """The template's samples with own ids, times and signals; load drifts over the week."""
    rows = len(template)
    columns = dict(zip(template.schema.names, template.columns, strict=True))
    span = _HOUR_US // files
    start = _START + hour * _HOUR_US + part * span
    times = start + np.sort(rng.integers(0, span, rows))
    number = str(hour * files + part)
    columns["record_id"] = pc.binary_join_element_wise(columns["record_id"], number, "-")
    columns["time"] = pa.array(times, pa.timestamp("us", tz="UTC"))
    for name in schema.SIGNAL_NAMES:
        columns[name] = pa.array(rng.random(rows, np.float32))
    shares = rng.beta(4 + np.sin(hour / 24 * 2 * np.pi), 3, rows)
    columns["context_share"] = pa.array(shares.astype(np.float32))
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema.RECORD)


def _template(rng: np.random.Generator, rows: int) -> pa.RecordBatch:
    """Samples as an engine sends them: each request is sampled at several steps."""
    requests = -(-rows // _STEPS)
    boot = secrets.token_hex(6)
    lengths = rng.integers(500, 6000, requests)
    identity = {
        "record_id": [f"0-{boot}-0-{row}" for row in range(rows)],
        "engine": ["0"] * rows,
        "boot": [boot] * rows,
        "rank": [0] * rows,
        "sequence": range(rows),
        "time": [0] * rows,
        "request_id": _per_request([f"chatcmpl-{secrets.token_hex(16)}" for _ in lengths], rows),
        "trace_id": _per_request([secrets.token_hex(16) for _ in lengths], rows),
        "traceparent": [None] * rows,
        "model_name": ["meta/llama-8b"] * rows,
        "model_revision": [None] * rows,
        "route": [ROUTE] * rows,
        "tags": [[("tenant", "a"), ("retriever", "bm25")]] * rows,
    }
    segments = len(_ROLES)
    cuts = np.sort(rng.integers(4, 500, (requests, segments + 1)), axis=1)
    documents = [
        [f"doc-{number}" for number in row] for row in rng.integers(0, 50_000, (requests, 5))
    ]
    shape = {
        "step": [row % _STEPS * 16 for row in range(rows)],
        "prompt_length": _per_request(lengths.tolist(), rows),
        "context_length": _per_request((lengths + 1).tolist(), rows),
        "sampling_rate": [0.1] * rows,
        "stride": [16] * rows,
        "forced": [False] * rows,
        "documents_declared": [5] * rows,
        "documents_found": [5] * rows,
        "span_method": ["text"] * rows,
        "span_failures": [[]] * rows,
        "layers": [_LAYERS] * rows,
        "heads": [32] * rows,
        "segment_role": [_ROLES] * rows,
        "segment_source": _per_request([["", "", *ids, ""] for ids in documents], rows),
        "segment_start": _per_request(cuts[:, :-1].tolist(), rows),
        "segment_end": _per_request(cuts[:, 1:].tolist(), rows),
    }
    signals = {name: [0.0] * rows for name in schema.SIGNAL_NAMES}
    layers = {
        f"layer_{name}": rng.random((rows, len(_LAYERS)), np.float32).tolist()
        for name in schema.LAYER_SIGNAL_NAMES
    }
    heads: dict[str, list[list[float]]] = {field.name: [[]] * rows for field in schema.HEADS}
    columns = identity | shape | signals | layers | heads
    arrays = [pa.array(columns[field.name], field.type) for field in schema.RECORD]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.RECORD)


def _per_request(values: list[Any], rows: int) -> list[Any]:
    return [values[row // _STEPS] for row in range(rows)]
