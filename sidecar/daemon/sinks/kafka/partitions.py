"""Which partition a key goes to: the same as by Kafka's own clients, for many keys at a time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SEED, _MIX = np.uint32(0x9747B28C), np.uint32(0x5BD1E995)

Hashes = NDArray[np.uint32]


class Partitions:
    """Records with a key go where its hash tells; those without, together, to each in turn."""

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, keys: Sequence[bytes | None], count: int) -> list[int]:
        """A partition below ``count`` for each key."""
        self._turn += 1
        chosen = np.full(len(keys), self._turn % count)
        lengths = np.array([-1 if key is None else len(key) for key in keys])
        for length in np.unique(lengths[lengths >= 0]):
            rows = np.flatnonzero(lengths == length)
            joined = b"".join(keys[row] or b"" for row in rows)
            hashes = murmur2(np.frombuffer(joined, np.uint8).reshape(len(rows), length))
            chosen[rows] = (hashes & np.uint32(0x7FFFFFFF)) % count
        return chosen.tolist()


def murmur2(keys: NDArray[np.uint8]) -> Hashes:
    """``[keys]`` 32-bit MurmurHash2 of ``[keys, length]`` bytes, with the seed of Kafka."""
    length = keys.shape[1]
    whole = length - length % 4
    words = np.ascontiguousarray(keys[:, :whole]).view("<u4").astype(np.uint32)
    found = np.full(len(keys), _SEED ^ np.uint32(length))
    for word in words.T:
        mixed = word * _MIX
        mixed ^= mixed >> np.uint32(24)
        found = found * _MIX ^ mixed * _MIX
    if whole < length:
        for place, byte in enumerate(keys[:, whole:].T.astype(np.uint32)):
            found ^= byte << np.uint32(8 * place)
        found *= _MIX
    found ^= found >> np.uint32(13)
    found *= _MIX
    return found ^ found >> np.uint32(15)
