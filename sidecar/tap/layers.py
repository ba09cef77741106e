"""Which layers are summarised."""

from collections.abc import Sequence

from sidecar import calibration
from sidecar.config import Heads
from sidecar.signals import matching
from sidecar.tap.engines.base import Layer

AUTO_COUNT = 4


class UnknownLayer(ValueError):
    """A layer was asked for that the model does not have."""


def choose(
    setting: str | Sequence[int], available: Sequence[int], calibrated: Sequence[int] = ()
) -> list[int]:
    """Layer indices for the setting ``sampling.layers``, ascending.

    ``auto`` are the layers of ``calibrated`` heads. Without any it spreads four layers from a third
    of the depth to the last: retrieval heads sit in the middle and late layers (Wu et al. 2024,
    "Retrieval Head Mechanistically Explains Long-Context Factuality").

    >>> choose("auto", range(32))
    [10, 17, 24, 31]
    >>> choose("auto", range(32), calibrated=[12, 13])
    [12, 13]
    >>> choose("every:3", range(8))
    [0, 3, 6]
    >>> choose([1, 5], range(8))
    [1, 5]
    """
    layers = sorted(available)
    if setting == "all":
        return layers
    if setting == "auto":
        return sorted(calibrated) or _spread(layers)
    if isinstance(setting, str):
        return layers[:: int(setting.removeprefix("every:"))]
    unknown = sorted(set(setting) - set(layers))
    if unknown:
        raise UnknownLayer(f"sampling.layers: no layers {unknown}, the model has {layers}")
    return sorted(set(setting))


def of_calibration(
    settings: Heads, model_name: str, model_revision: str | None, available: dict[int, int]
) -> tuple[list[int], str]:
    """Layers of the heads that are calibrated for a model, or none and why.

    ``available`` has the query heads of each layer. Without any calibration there is nothing to
    complain about.
    """
    try:
        known = calibration.heads(settings)
    except calibration.CalibrationError as error:
        return [], f"usual layers: {error}"
    found = matching(known, model_name, model_revision)
    if not known:
        return [], ""
    if found is None:
        model = f"model {model_name!r}, revision {model_revision!r}"
        return [], f"usual layers: heads.calibrations has none for {model}"
    if all(available.get(layer) == found.heads for layer in found.layers):
        return found.layers, ""
    return [], (
        f"usual layers: heads.calibrations has {found.heads} heads in layers {found.layers}, "
        f"the model's layers have {available}"
    )


def alike(chosen: Sequence[Layer]) -> tuple[list[Layer], str]:
    """Those of the first one's shape, which one sample can hold, and what is said of the others."""
    kept = [layer for layer in chosen if layer.shape == chosen[0].shape]
    others = [layer.index for layer in chosen if layer.shape != chosen[0].shape]
    if not others:
        return kept, ""
    return kept, f"layers {others} are left out: they differ in shape from {chosen[0].index}"


def _spread(layers: list[int]) -> list[int]:
    if len(layers) <= AUTO_COUNT:
        return layers
    first, last = len(layers) // 3, len(layers) - 1
    steps = AUTO_COUNT - 1
    return [layers[round(first + (last - first) * step / steps)] for step in range(AUTO_COUNT)]
