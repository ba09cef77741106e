"""One launch's buffers on the host: its requests on the way there, its statistics on the way back.

Both are pinned where there is a GPU, and copied without waiting.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch

QUERY_ROW, BATCH_ROW, LENGTH, STARTS = range(4)
"""Columns of a request; the starts of its segments follow, and `NO_START` up to the end."""
NO_START = 2**31 - 1
COLUMNS = ("entropy", "square_sum", "self_weight", "previous_weight", "sink_mass", "argmax")
MASS = 8
"""First column of a head's masses; its peaks follow."""
SEGMENTS_AT_ONCE = 32


class PagedRequest(NamedTuple):
    """A kept query row. ``starts`` is ``[segments]``, ascending from 0, as in `naive.summarise`."""

    query_row: int
    batch_row: int
    positions: int
    starts: np.ndarray


class Flight:
    """Taken by a launch, free again when its results were read."""

    def __init__(self, max_requests: int, max_segments: int, row: int, *, pinned: bool) -> None:
        """``row`` is layers times heads."""
        self._max_segments = max_segments
        width = STARTS + padded(max_segments) + 1
        self.requests = torch.zeros(max_requests, width, dtype=torch.int32, pin_memory=pinned)
        values = max_requests * row * (MASS + 2 * padded(max_segments))
        self.statistics = torch.zeros(values, pin_memory=pinned)
        self.event: Any = cast(Any, torch.cuda.Event)() if pinned else None
        self._row = row
        self._given: Sequence[PagedRequest] = ()

    @property
    def segments(self) -> int:
        """Segments that every request of this launch has room for in the statistics."""
        longest = max((len(request.starts) for request in self._given), default=1)
        return -(-longest // SEGMENTS_AT_ONCE) * SEGMENTS_AT_ONCE

    def board(self, given: Sequence[PagedRequest]) -> None:
        """Write the requests down. Raises ValueError, and then nothing was written."""
        if len(given) > len(self.requests):
            raise ValueError(f"requests: {len(given)}, at most {len(self.requests)} in one launch")
        for request in given:
            self._check(request)
        table = self.requests.numpy()
        table[:, LENGTH] = 0
        table[:, STARTS:] = NO_START
        for row, request in zip(table, given, strict=False):
            row[:STARTS] = request[:STARTS]
            row[STARTS : STARTS + len(request.starts)] = request.starts
        self._given = given

    def values(self, number: int) -> int:
        """How many statistics ``number`` requests have."""
        return number * self._row * (MASS + 2 * self.segments)

    def depart(self) -> None:
        """All work of this flight is on the current stream."""
        if self.event is not None:
            self.event.record()

    def ready(self) -> bool:
        """Whether the results are here, or nothing is under way. Never waits."""
        return self.event is None or bool(self.event.query())

    def columns(self, number: int) -> dict[str, np.ndarray]:
        """Statistics of the ``number``-th request, as `cpu.reduce` gives them, copied.

        The mass that a learned sink absorbs is in the first segment.
        """
        found = self.summary(number)
        found["mass"][:, 0] += found.pop("sink_mass")
        return {name: values.reshape(-1) for name, values in found.items()}

    def summary(self, number: int) -> dict[str, np.ndarray]:
        """Fields of `naive.Summary` by name, ``[layers * heads]``, mass and peak by segment."""
        mine = slice(self.values(number), self.values(number + 1))
        rows = self.statistics.numpy()[mine].reshape(self._row, -1)
        found = {name: rows[:, column].copy() for column, name in enumerate(COLUMNS)}
        found["argmax"] = found["argmax"].view(np.int32)
        count = len(self._given[number].starts)
        found["mass"] = rows[:, MASS : MASS + count].copy()
        found["peak"] = rows[:, MASS + self.segments :][:, :count].copy()
        return found

    def _check(self, request: PagedRequest) -> None:
        starts, positions = request.starts, request.positions
        if not 0 < len(starts) <= self._max_segments:
            raise ValueError(f"starts: {len(starts)} segments, should be 1 to {self._max_segments}")
        if starts[0] != 0 or starts[-1] >= positions or (np.diff(starts) <= 0).any():
            raise ValueError(
                f"starts: {starts.tolist()}, should ascend from 0 to below {positions} positions"
            )


def padded(segments: int) -> int:
    """A power of two, of as many segments at least as the kernel takes at once."""
    return max(SEGMENTS_AT_ONCE, 1 << (segments - 1).bit_length())
