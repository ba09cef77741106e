"""What the tap needs of an engine, whatever its generation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from sidecar.tap.summary.naive import Scoring


class Unsupported(RuntimeError):
    """This engine, back end or cache cannot be read; the message says what was found."""


class Incoming(NamedTuple):
    """A request as the engine announces it to its worker."""

    request_id: str
    prompt_token_ids: Sequence[int] | None
    extra_args: dict[str, Any] | None


class Announcement(NamedTuple):
    """What changes with a step: requests that begin and ids of requests that ended."""

    incoming: list[Incoming]
    finished: set[str]


class Row(NamedTuple):
    """One request's place in the step that is running."""

    batch_row: int
    """Row of the batch."""
    query_row: int
    """Row of the query tensor that emits the next token."""
    positions: int
    """Tokens attended to, the newest included."""


@dataclass(frozen=True)
class Identity:
    """Names of the engine for samples and status."""

    engine: str
    rank: int
    model_name: str
    model_revision: str | None
    vllm_version: str
    runner: str
    device: str
    max_requests: int


class KeyReader(Protocol):
    """Reads one layer's keys from the paged cache."""

    def read(self, row: int, positions: int) -> torch.Tensor:
        """Keys of a batch row, ``[kv_heads, positions, size]`` in the cache's dtype."""


@dataclass(frozen=True)
class Layer:
    """One attention layer of the model."""

    name: str
    index: int
    module: Any
    heads: int
    kv_heads: int
    size: int
    dtype: torch.dtype
    scoring: Scoring

    @property
    def shape(self) -> tuple[int, int, int, torch.dtype]:
        """What tapped layers must have in common to share buffers."""
        return self.heads, self.kv_heads, self.size, self.dtype


class PagedLayer(NamedTuple):
    """Where a GPU keeps one layer's keys, at addresses that never change."""

    group: int
    """Cache group: layers of one group share a block table."""
    keys: torch.Tensor
    """View ``[blocks, block_size, kv_heads, size]``."""
    scale: torch.Tensor | None
    """What stored keys are multiplied by; a float32 view that expands to the keys' first three
    dimensions."""


class Emission(Protocol):
    """The tokens that a step emitted, which may be on their way to the host still."""

    def ready(self) -> bool:
        """Whether they have arrived. Never waits."""

    def token(self, row: int) -> int | None:
        """The token of a batch row, once ready; None where it emitted none."""


class Adapter(Protocol):
    """One runner generation. Construction raises Unsupported where the runner does not fit."""

    paged: bool
    """Whether keys stay on a GPU: `paged_layer`, `block_table`, and `query_starts` are used
    then, `key_reader` and `token_ids` otherwise."""

    def __init__(self, runner: Any) -> None: ...

    def tokenizer(self) -> Any:
        """The model's tokenizer; raises Unsupported when the engine runs without one."""

    def layers(self) -> list[Layer]:
        """Causal self-attention layers, by index; known once the cache is allocated."""

    def key_reader(self, layer: Layer) -> KeyReader:
        """A reader for the layer's cache; raises Unsupported where its layout cannot be learned."""

    def announcement(self, scheduler_output: Any) -> Announcement:
        """Requests that begin or ended with this step."""

    def locate(self, request_id: str) -> Row | None:
        """Where a request emits a token in the running step; None when it does not."""

    def batch_size(self) -> int:
        """Requests in the running step."""

    def token_ids(self, row: int, positions: int) -> np.ndarray:
        """The first ``positions`` token ids of a batch row, int32."""

    def paged_layer(self, layer: Layer) -> PagedLayer:
        """The layer's keys on the device; raises Unsupported where its layout is unknown."""

    def block_table(self, group: int) -> torch.Tensor:
        """A cache group's blocks on the device, ``[batch rows, max_blocks]`` int32, fixed."""

    def query_starts(self) -> torch.Tensor:
        """First query row of every batch row on the device, ``[batch rows + 1]`` int32, fixed.

        Filled before the layers run; entries past the last request repeat the end.
        """

    def emission(self, output: Any) -> Emission:
        """What `sample_tokens` returned, as tokens that may not have arrived yet."""

    def rehearse(self, extra_args: dict[str, Any]) -> int:
        """Run a dummy request of a few tokens through the engine's own steps, before serving.

        Returns the steps that emitted a token: a prefill, and on a GPU a decode after it.
        """
