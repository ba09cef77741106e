"""Token ids of a sampled request as far as they are known on the host."""

from collections.abc import Sequence

import numpy as np


class Tokens:
    """The prompt's, and those emitted since, by position."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self.prompt_length = len(prompt)
        self._prompt = prompt
        self._emitted: dict[int, int] = {}

    def learn(self, position: int, token: int) -> None:
        """A token was emitted for a position after the prompt."""
        self._emitted[position] = token

    def at(self, position: int) -> int | None:
        """The token at a position; None where it is not known."""
        if position < self.prompt_length:
            return self._prompt[position]
        return self._emitted.get(position)

    def copied(self, positions: np.ndarray, newest: int) -> np.ndarray:
        """Whether the tokens at ``positions`` are the one at ``newest``, bool.

        Empty, which is *not measured*, where any of them is not known.
        """
        emitted = self.at(newest)
        found = [self.at(int(position)) for position in positions]
        if emitted is None or None in found:
            return np.zeros(0, bool)
        return np.asarray([token == emitted for token in found], dtype=bool)
