"""How the GPU's work is cut into programs."""

from dataclasses import dataclass

import torch
from torch import Tensor

_TILE_BYTES = 16 * 1024
_PROGRAMS_OF_A_MULTIPROCESSOR = 16


@dataclass(frozen=True)
class Tuning:
    """Numbers that change speed alone; None is chosen by device and shape.

    ``tile`` positions are read at once, a power of two from 16 on. Heads that share keys are padded
    to ``lanes`` at least, 8 or 16. Sequences are split until there are about ``programs``.
    """

    tile: int | None = None
    lanes: int = 8
    warps: int = 4
    stages: int = 5
    programs: int | None = None
    max_splits: int = 128

    def tile_for(self, keys: Tensor) -> int:
        """Positions of 16 KiB of keys, but 128 at most."""
        row = power_of_two(keys.shape[-1]) * keys.element_size()
        return self.tile or min(max(_TILE_BYTES // row, 16), 128)

    def splits_for(self, rows: int, device: torch.device) -> int:
        """Parts that each of ``rows`` sequences is cut into, read by a program each."""
        programs = self.programs or _programs(device)
        return min(-(-programs // rows), self.max_splits)


def power_of_two(number: int, least: int = 16) -> int:
    """The smallest that is not below ``number`` or ``least``, itself one."""
    return max(1 << (number - 1).bit_length(), least)


def _programs(device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    multiprocessors = torch.cuda.get_device_properties(device).multi_processor_count
    return multiprocessors * _PROGRAMS_OF_A_MULTIPROCESSOR
