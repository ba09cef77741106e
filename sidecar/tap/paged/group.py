"""The tapped layers of one cache group, which share a block table and so a launch."""

from collections.abc import Sequence

from sidecar.tap.engines.base import Adapter, Layer, PagedLayer, Unsupported
from sidecar.tap.paged.stash import PagedStash
from sidecar.tap.summary.flight import Flight, PagedRequest
from sidecar.tap.summary.paged_keys import PagedKeys
from sidecar.tap.summary.triton_paged import PagedSummary

AT_ONCE = 16
"""Requests of a launch: the kernels' workspace grows with them."""
FLIGHTS = 4
"""Launches under way: two steps', of two waves each."""


class Group:
    """Layers ``slots`` of the tapped ones, with their stash and their kernels.

    Raises Unsupported where the kernels cannot be made or compiled for these layers.
    """

    def __init__(
        self,
        adapter: Adapter,
        number: int,
        slots: Sequence[int],
        layers: list[Layer],
        paged: Sequence[PagedLayer],
        *,
        max_rows: int,
        max_segments: int,
    ) -> None:
        self.slots = slots
        self.stash = PagedStash(layers, adapter.query_starts(), max_rows)
        scales = [layer.scale for layer in paged if layer.scale is not None]
        try:
            keys = PagedKeys(
                [layer.keys for layer in paged], adapter.block_table(number), scales or None
            )
            self._summary = PagedSummary(
                keys,
                [layer.scoring for layer in layers],
                layers[0].heads,
                max_requests=AT_ONCE,
                max_segments=max_segments,
                flights=FLIGHTS,
            )
            self._summary.warm_up(self.stash.buffer)
        except Exception as error:
            raise Unsupported(f"cache group {number}: {type(error).__name__}: {error}") from error

    def launch(self, requests: Sequence[PagedRequest]) -> Flight | None:
        """Start on kept rows; None where no flight is free."""
        return self._summary.launch(self.stash.buffer, requests)

    def land(self, flight: Flight) -> None:
        """The flight was read."""
        self._summary.land(flight)
