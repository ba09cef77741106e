"""promtool's notation of values over time, read so that single scrapes can be made to fail."""

import re
from collections.abc import Iterator

RUN = re.compile(r"(_|-?[\d.]+)(?:([+-])([\d.]+))?(?:x(\d+))?")


def values(text: str) -> Iterator[str]:
    """Each value in turn, ``_`` where there is none."""
    for part in text.split():
        match = RUN.fullmatch(part)
        if match is None:
            yield part
            continue
        first, sign, step, times = match.groups()
        if first == "_":
            yield from ["_"] * int(times or 1)
            continue
        by = float(f"{sign}{step}") if step else 0.0
        yield from (f"{float(first) + number * by:g}" for number in range(int(times or 0) + 1))


def failing(text: str, place: int) -> str:
    """The same, with the scrape at a place failed: what had a value goes stale for once."""
    found = list(values(text))
    if place < len(found) and found[place] != "_":
        found[place] = "stale"
    return " ".join(found)
