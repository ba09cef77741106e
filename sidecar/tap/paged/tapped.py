"""Tapped layers on a GPU: launched when the step has ended, read a step later."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from sidecar.tap.engines.base import Adapter, Emission, Identity
from sidecar.tap.paged.group import AT_ONCE, Group
from sidecar.tap.paged.wave import Wave
from sidecar.tap.plan import Planned
from sidecar.tap.spans import Spans
from sidecar.tap.summary.flight import Flight, PagedRequest
from sidecar.tap.tapped import Tapped

Given = tuple[Planned, Spans]


class PagedTapped(Tapped):
    """Every request's row is kept in every step; a launch picks those that are sampled.

    Nothing here waits for the device, except what says so.
    """

    def _prepare(self, adapter: Adapter, identity: Identity) -> None:
        paged = [adapter.paged_layer(layer) for layer in self.layers]
        slots: dict[int, list[int]] = defaultdict(list)
        for slot, layer in enumerate(paged):
            slots[layer.group].append(slot)
        self._groups = [
            Group(
                adapter,
                number,
                mine,
                [self.layers[slot] for slot in mine],
                [paged[slot] for slot in mine],
                max_rows=identity.max_requests,
                max_segments=self.max_segments,
            )
            for number, mine in slots.items()
        ]
        self._place = {
            slot: (group, place) for group in self._groups for place, slot in enumerate(group.slots)
        }
        self._can_record = torch.cuda.is_available()
        self._waves: deque[Wave] = deque()
        self._emissions: deque[tuple[Emission, Sequence[Planned]]] = deque()

    def recording(self) -> bool:
        """Whether a CUDA graph is being captured: what is kept now is kept at every replay."""
        return self._can_record and torch.cuda.is_current_stream_capturing()

    def put(self, slot: int, query: Tensor) -> None:
        """Keep every request's row of a layer's query, ``[tokens, heads, size]``."""
        group, place = self._place[slot]
        group.stash.put(place, query)

    def remember(self, emission: Emission, emitting: Sequence[Planned]) -> None:
        """Learn the tokens that tracked requests emitted in this step, once they are here."""
        self._emissions.append((emission, emitting))

    def launch(self, given: Sequence[Given], emission: Emission) -> Counter[str]:
        """Start on the step that has ended. Returns how many were dropped, by reason."""
        kept = [one for one in given if one[0].row.batch_row < self._rows]
        dropped: Counter[str] = Counter()
        dropped["beyond_stash"] = len(given) - len(kept)
        for begin in range(0, len(kept), AT_ONCE):
            wave = kept[begin : begin + AT_ONCE]
            if not self._launch(wave, emission):
                dropped["no_flight"] += len(wave)
        for group in self._groups:
            group.stash.spoil()
        return +dropped

    def arrived(self) -> Wave | None:
        """The oldest wave, once its results are here; to be landed. Never waits."""
        while self._emissions and self._emissions[0][0].ready():
            _learn(*self._emissions.popleft())
        if self._waves and self._waves[0].ready():
            return self._waves.popleft()
        return None

    def wait(self) -> None:
        """Until all that was launched has ended; never while the engine serves."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    @property
    def _rows(self) -> int:
        return min(group.stash.rows for group in self._groups)

    def _launch(self, given: Sequence[Given], emission: Emission) -> bool:
        """One wave; False where a group has no flight free."""
        requests = [_request(planned, spans) for planned, spans in given]
        flights: list[Flight] = []
        for group in self._groups:
            flight = group.launch(requests)
            if flight is None:
                Wave(given, self._groups[: len(flights)], flights, emission).land()
                return False
            flights.append(flight)
        self._waves.append(Wave(given, self._groups, flights, emission))
        return True


def _request(planned: Planned, spans: Spans) -> PagedRequest:
    """The number of a kept row is the batch row."""
    row = planned.row
    return PagedRequest(row.batch_row, row.batch_row, row.positions, spans.starts)


def _learn(emission: Emission, emitting: Iterable[Planned]) -> None:
    for planned in emitting:
        token = emission.token(planned.row.batch_row)
        if token is not None:
            planned.tracked.tokens.learn(planned.row.positions, token)
