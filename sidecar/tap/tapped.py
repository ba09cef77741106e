"""The layers that are summarised, and on a CPU their stash, key readers and summary."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sidecar.config import Engine
from sidecar.tap import layers as layer_choice
from sidecar.tap.engines.base import Adapter, Identity, Layer, Row
from sidecar.tap.spans import Spans, extend
from sidecar.tap.stash import Stash
from sidecar.tap.summary.cpu import reduce
from sidecar.tap.summary.naive import attention_logits
from sidecar.tap.tracking import Tracked


class TooManySegments(ValueError):
    """A sequence has more segments than a sample may carry."""


class Tapped(ABC):
    """A choice of layers. Those that differ in shape from the first chosen one are left out."""

    def __init__(
        self,
        adapter: Adapter,
        layers: Sequence[Layer],
        choice: str | Sequence[int],
        identity: Identity,
        settings: Engine,
        *,
        calibrated: Sequence[int] = (),
    ) -> None:
        every = [layer.index for layer in layers]
        indices = set(layer_choice.choose(choice, every, calibrated))
        chosen = [layer for layer in layers if layer.index in indices]
        self.layers, self.left_out = layer_choice.alike(chosen)
        self.slots = {layer.index: slot for slot, layer in enumerate(self.layers)}
        self.max_segments = settings.max_segments
        self._adapter = adapter
        self._prepare(adapter, identity)

    @abstractmethod
    def _prepare(self, adapter: Adapter, identity: Identity) -> None:
        """Make what keeps query rows and reads keys; may raise Unsupported."""

    @abstractmethod
    def put(self, slot: int, query: Tensor) -> None:
        """Keep rows of a layer's query, ``[tokens, heads, size]``, while the layers run."""

    def spans(self, tracked: Tracked, row: Row) -> Spans:
        """The segments of a kept row. Raises TooManySegments."""
        spans = extend(tracked.spans, tracked.prompt_length, row.positions)
        if len(spans.starts) > self.max_segments:
            raise TooManySegments(f"{len(spans.starts)} segments, at most {self.max_segments}")
        return spans

    def shape(self, tracked: Tracked, row: Row, spans: Spans) -> dict[str, Any]:
        """Columns that say what the per-head arrays are of."""
        shape = _shape_columns(tracked, row, spans)
        shape["layers"] = [layer.index for layer in self.layers]
        shape["heads"] = self.layers[0].heads
        return shape


class CpuTapped(Tapped):
    """Rows are chosen on the host before the layers run, and reduced when the step ends."""

    def _prepare(self, adapter: Adapter, identity: Identity) -> None:
        self.stash = Stash(self.layers, identity.max_requests, identity.device)
        self._readers = [adapter.key_reader(layer) for layer in self.layers]

    def put(self, slot: int, query: Tensor) -> None:
        """Keep the chosen rows."""
        self.stash.put(slot, query)

    def summarise(
        self, number: int, tracked: Tracked, row: Row, output: Any
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Per-head arrays and shape columns of the step's ``number``-th kept row.

        Raises TooManySegments.
        """
        spans = self.spans(tracked, row)
        arrays = reduce(
            self._logits(number, row), spans.starts, [layer.scoring for layer in self.layers]
        )
        arrays["copied"] = self._copied(arrays["argmax"], row, output)
        return arrays, self.shape(tracked, row, spans)

    def _logits(self, number: int, row: Row) -> Tensor:
        """Scores ``[layers, heads, positions]`` of a kept row."""
        query = self.stash.row(number)
        scores = [
            attention_logits(query[slot], reader.read(row.batch_row, row.positions), layer.scoring)
            for slot, (layer, reader) in enumerate(zip(self.layers, self._readers, strict=True))
        ]
        return torch.stack(scores)

    def _copied(self, argmax: np.ndarray, row: Row, output: Any) -> np.ndarray:
        emission = self._adapter.emission(output)
        emitted = emission.token(row.batch_row) if emission.ready() else None
        if emitted is None:
            return np.zeros(0, bool)
        tokens = self._adapter.token_ids(row.batch_row, row.positions)
        return np.asarray(tokens[argmax] == emitted)


def _shape_columns(tracked: Tracked, row: Row, spans: Spans) -> dict[str, Any]:
    decision, request = tracked.decision, tracked.request
    return {
        "trace_id": request.trace_id,
        "traceparent": request.traceparent,
        "route": request.tags.get("route"),
        "tags": [(name, value) for name, value in request.tags.items() if name != "route"],
        "prompt_length": tracked.prompt_length,
        "context_length": row.positions,
        "sampling_rate": decision.rate,
        "stride": decision.stride,
        "forced": decision.forced,
        "documents_declared": spans.documents_declared,
        "documents_found": spans.documents_found,
        "span_method": spans.method,
        "span_failures": spans.failures,
        "segment_role": spans.roles,
        "segment_source": spans.sources,
        "segment_start": spans.starts,
        "segment_end": spans.ends,
    }
