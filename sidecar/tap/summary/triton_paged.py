"""The summary on a GPU: keys are read from the paged cache once, for all heads that share them.

Two kernels: one reduces pieces of the sequences (`kernels.partials`), one merges them
(`kernels.combine`). All they need is at fixed addresses on the device, and grids follow from the
number of requests alone, so a launch can be captured. Only the constructor imports Triton.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sidecar.tap.summary.flight import Flight, PagedRequest, padded
from sidecar.tap.summary.naive import Scoring
from sidecar.tap.summary.paged_keys import PagedKeys
from sidecar.tap.summary.tuning import Tuning


class PagedSummary:
    """Summarises rows of all ``keys.layers``, up to ``max_requests`` in a launch.

    ``scorings`` are the layers'. Up to ``flights`` launches can be under way.
    """

    def __init__(
        self,
        keys: PagedKeys,
        scorings: Sequence[Scoring],
        heads: int,
        *,
        max_requests: int,
        max_segments: int,
        flights: int = 2,
        tuning: Tuning | None = None,
    ) -> None:
        from sidecar.tap.summary.kernels.launch import Launch

        self._keys, self._heads = keys, heads
        self._launch = Launch(
            keys, scorings, heads, segments=padded(max_segments), tuning=tuning or Tuning()
        )
        self._buffers = self._launch.buffers(max_requests)
        rows, pinned = len(keys.layers) * heads, keys.device.type == "cuda"
        self._flights = [
            Flight(max_requests, max_segments, rows, pinned=pinned) for _ in range(flights)
        ]
        self._requests = self._flights[0].requests.to(keys.device, copy=True)

    def warm_up(self, query: Tensor) -> None:
        """Compile the kernels for ``query``'s dtype and strides, which takes seconds, and wait."""
        flight = self._flights[0]
        flight.board([])
        self.enqueue(query, flight, len(flight.requests))
        if flight.event is not None:
            torch.cuda.synchronize()

    def launch(self, query: Tensor, requests: Sequence[PagedRequest]) -> Flight | None:
        """Start on rows of ``query``, ``[layers, rows, heads, size]``, on the current stream.

        None when no flight is free, or the last copy of those that are is still under way. Raises
        ValueError where a request does not fit, or there is none.
        """
        self._check(query, requests)
        free = (number for number, flight in enumerate(self._flights) if flight.ready())
        number = next(free, None)
        if number is None:
            return None
        flight = self._flights[number]
        flight.board(requests)
        self.enqueue(query, flight, len(requests))
        flight.depart()
        return self._flights.pop(number)

    def land(self, flight: Flight) -> None:
        """Take back a flight whose results were read, or that nobody waits for."""
        self._flights.append(flight)

    def enqueue(self, query: Tensor, flight: Flight, number: int) -> None:
        """Copy ``number`` boarded requests there, reduce, and copy back.

        After `warm_up` this can be captured. A replay takes what is boarded then, with room for as
        many segments as at the capture.
        """
        requests = self._requests[:number]
        requests.copy_(flight.requests[:number], non_blocking=True)
        self.reduce(query, requests, flight.segments)
        used = slice(flight.values(number))
        flight.statistics[used].copy_(self._buffers.statistics[used], non_blocking=True)

    def reduce(self, query: Tensor, requests: Tensor, segments: int) -> None:
        """The kernels alone, for ``requests`` on the device, ``[number, columns]`` of a flight."""
        self._launch(query, requests, segments, self._buffers)

    def _check(self, query: Tensor, requests: Sequence[PagedRequest]) -> None:
        """A read out of bounds would end the engine's process."""
        _, block_size, _, size = self._keys.layers[0].shape
        layers, rows, heads, _ = query.shape
        if (layers, heads, query.shape[3]) != (len(self._keys.layers), self._heads, size):
            wanted = f"[{len(self._keys.layers)}, rows, {self._heads}, {size}]"
            raise ValueError(f"query: {list(query.shape)}, should be {wanted}")
        if not requests:
            raise ValueError("requests: none, should be 1 at least")
        batch, blocks = self._keys.block_table.shape
        limits = {"query_row": rows, "batch_row": batch, "positions": blocks * block_size + 1}
        for request in requests:
            for name, limit in limits.items():
                if not 0 <= getattr(request, name) < limit:
                    raise ValueError(f"{name}: {getattr(request, name)}, should be below {limit}")
