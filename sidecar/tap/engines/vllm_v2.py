"""vLLM's V2 runner, `vllm.v1.worker.gpu.model_runner.GPUModelRunner`, which needs a GPU."""

from typing import Any

import numpy as np
import torch

from sidecar.tap.engines.base import KeyReader, Layer, Row, Unsupported
from sidecar.tap.engines.vllm_runner import VllmRunner

NEEDED = (
    "req_states",
    "input_buffers.query_start_loc",
    "block_tables.input_block_tables",
    "block_tables.block_sizes",
)


class V2Adapter(VllmRunner):
    """A step's batch is an object of its own, there between `execute_model` and `sample_tokens`."""

    def __init__(self, runner: Any) -> None:
        super().__init__(runner, NEEDED)
        if not self.paged:
            raise Unsupported(f"no key reader for device {runner.device}")
        self._batch: Any = None
        self._rows: dict[str, int] = {}

    def key_reader(self, layer: Layer) -> KeyReader:
        """This runner has no CPU back end."""
        raise Unsupported(f"layer {layer.name!r}: keys are read on the GPU")

    def block_table(self, group: int) -> torch.Tensor:
        """The table that the forward pass uses, gathered by batch row at the start of each step."""
        table: torch.Tensor = self._runner.block_tables.input_block_tables[group]
        return table

    def query_starts(self) -> torch.Tensor:
        """The runner's own input buffer."""
        starts: torch.Tensor = self._runner.input_buffers.query_start_loc
        return starts

    def locate(self, request_id: str) -> Row | None:
        """A request emits when the step reaches the end of what it was told to prefill."""
        batch = self._current_batch()
        index = self._rows.get(request_id)
        if batch is None or index is None:
            return None
        ends = batch.query_start_loc_np
        positions = int(batch.num_computed_tokens_np[index] + ends[index + 1] - ends[index])
        if positions < batch.prefill_len_np[index]:
            return None
        return Row(index, int(ends[index + 1]) - 1, positions)

    def batch_size(self) -> int:
        """Requests in the running step."""
        batch = self._current_batch()
        return 0 if batch is None else len(batch.req_ids)

    def token_ids(self, row: int, positions: int) -> np.ndarray:
        """Not on the host: the tap remembers tokens as they arrive."""
        raise Unsupported(f"row {row}: its {positions} tokens are on the GPU")

    def _current_batch(self) -> Any:
        """The step's batch, whose rows are looked up once."""
        state = self._runner.execute_model_state
        batch = state.input_batch if state else None
        if batch is not self._batch:
            self._batch = batch
            self._rows = {name: row for row, name in enumerate(batch.req_ids)} if batch else {}
        return batch

    def _block_size(self, group: int) -> int:
        return int(self._runner.block_tables.block_sizes[group])
