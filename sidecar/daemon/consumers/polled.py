"""What one poll found, beside the offsets that were taken before it."""

from collections.abc import Mapping
from typing import Any

Records = Mapping[int, list[Any]]
"""Kafka records by partition, in order and at least one of each."""
Offsets = Mapping[int, int]
"""By partition, the offset of the first record that was not taken."""


def split(found: Records, following: Offsets) -> tuple[list[Any], list[Any]]:
    """Records that were taken before, and new ones in the order in which they were sent."""
    old = [one for part, some in found.items() for one in some if one.offset < following[part]]
    new = [one for part, some in found.items() for one in some if one.offset >= following[part]]
    return old, sorted(new, key=lambda one: one.timestamp)


def after(found: Records, following: Offsets) -> dict[int, int]:
    """Offsets once these are taken too."""
    ends = {part: max(some[-1].offset + 1, following[part]) for part, some in found.items()}
    return {**following, **ends}


def expired(found: Records, following: Offsets) -> int:
    """Records between, which the topic no longer has."""
    return sum(max(0, some[0].offset - following[part]) for part, some in found.items())
