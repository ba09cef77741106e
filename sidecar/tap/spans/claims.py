"""Which bytes of the prompt already belong to a document."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from sidecar.tap.spans.text import Text


class Claims:
    """Disjoint byte intervals."""

    def __init__(self) -> None:
        self._intervals: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        """Claim ``[start, end)``, which must be free."""
        insort(self._intervals, (start, end))

    def blocking(self, start: int, end: int) -> int | None:
        """End of the last interval that overlaps ``[start, end)``; None when it is free."""
        index = bisect_left(self._intervals, (end, -1)) - 1
        if index < 0 or self._intervals[index][1] <= start:
            return None
        return self._intervals[index][1]

    def free(self, text: Text, needle: str) -> Iterator[tuple[int, int]]:
        """Byte ranges of the needle's occurrences that are free and do not overlap each other."""
        position = 0
        while (found := text.characters.find(needle, position)) >= 0:
            end = found + len(needle)
            start_byte, end_byte = int(text.starts[found]), int(text.ends[end - 1])
            blocked = self.blocking(start_byte, end_byte)
            if blocked is None:
                yield start_byte, end_byte
                position = end
            else:
                position = max(text.position(blocked), found + 1)
