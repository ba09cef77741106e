"""vLLM's V1 runner, `vllm.v1.worker.gpu_model_runner.GPUModelRunner`, on CPUs and GPUs."""

from typing import Any

import numpy as np
import torch

from sidecar.tap.engines.base import KeyReader, Layer, Row
from sidecar.tap.engines.cpu_cache import CpuKeyReader
from sidecar.tap.engines.vllm_runner import VllmRunner

NEEDED = (
    "requests",
    "query_start_loc",
    "input_batch.req_id_to_index",
    "input_batch.num_reqs",
    "input_batch.num_computed_tokens_cpu",
    "input_batch.token_ids_cpu",
    "input_batch.block_table",
)


class V1Adapter(VllmRunner):
    """The batch is the runner's own, changed in place from step to step."""

    def __init__(self, runner: Any) -> None:
        super().__init__(runner, NEEDED)

    def key_reader(self, layer: Layer) -> KeyReader:
        """A reader for the CPU back end."""
        return CpuKeyReader(layer.module, self._table(self.group(layer)))

    def block_table(self, group: int) -> torch.Tensor:
        """The GPU's half of the group's table, copied there at the start of each step."""
        table: torch.Tensor = self._table(group).block_table.gpu
        return table

    def query_starts(self) -> torch.Tensor:
        """The GPU's half of the runner's own buffer."""
        starts: torch.Tensor = self._runner.query_start_loc.gpu
        return starts

    def locate(self, request_id: str) -> Row | None:
        """A request emits when the step completes all of its known tokens."""
        runner = self._runner
        batch = runner.input_batch
        index = batch.req_id_to_index.get(request_id)
        if index is None:
            return None
        ends = runner.query_start_loc.np
        positions = int(batch.num_computed_tokens_cpu[index] + ends[index + 1] - ends[index])
        if positions < runner.requests[request_id].num_tokens:
            return None
        return Row(index, int(ends[index + 1]) - 1, positions)

    def batch_size(self) -> int:
        """Requests in the running step."""
        return int(self._runner.input_batch.num_reqs)

    def token_ids(self, row: int, positions: int) -> np.ndarray:
        """Prompt and output tokens as the batch holds them on the host."""
        ids: np.ndarray = self._runner.input_batch.token_ids_cpu[row, :positions]
        return ids

    def _table(self, group: int) -> Any:
        return self._runner.input_batch.block_table[group]

    def _block_size(self, group: int) -> int:
        return int(self._table(group).block_size)
