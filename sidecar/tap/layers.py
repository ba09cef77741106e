"""Which layers are summarised."""

from collections.abc import Sequence

AUTO_COUNT = 4


class UnknownLayer(ValueError):
    """A layer was asked for that the model does not have."""


def choose(setting: str | Sequence[int], available: Sequence[int]) -> list[int]:
    """Layer indices for the setting ``sampling.layers``, ascending.

    ``auto`` spreads four layers from a third of the depth to the last: retrieval heads sit in the
    middle and late layers (Wu et al. 2024, "Retrieval Head Mechanistically Explains Long-Context
    Factuality").

    >>> choose("auto", range(32))
    [10, 17, 24, 31]
    >>> choose("every:3", range(8))
    [0, 3, 6]
    >>> choose([1, 5], range(8))
    [1, 5]
    """
    layers = sorted(available)
    if setting == "all":
        return layers
    if setting == "auto":
        return _spread(layers)
    if isinstance(setting, str):
        return layers[:: int(setting.removeprefix("every:"))]
    unknown = sorted(set(setting) - set(layers))
    if unknown:
        raise UnknownLayer(f"sampling.layers: no layers {unknown}, the model has {layers}")
    return sorted(set(setting))


def _spread(layers: list[int]) -> list[int]:
    if len(layers) <= AUTO_COUNT:
        return layers
    first, last = len(layers) // 3, len(layers) - 1
    steps = AUTO_COUNT - 1
    return [layers[round(first + (last - first) * step / steps)] for step in range(AUTO_COUNT)]
