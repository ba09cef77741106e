"""How lines are told apart: by colour, and by dashes where a panel has more lines than colours."""

from collections.abc import Iterable
from typing import NamedTuple

Dash = str | tuple[float, tuple[float, ...]]
COLORS = (
    *("#5794f2", "#ff9830", "#b877d9", "#73bf69", "#fade2a", "#5cd6d6", "#f2a6c0", "#c4a484"),
    *("#e040a8", "#d8d9da", "#2f6bd0", "#b86a1e", "#8244b8", "#3d8a33", "#a3a01f", "#2b9292"),
)
"""Red is left out: it marks limits and changes."""
_DASHES: tuple[Dash, ...] = ("-", "-.", (0, (1, 1.2)))


class Look(NamedTuple):
    """Of one line."""

    color: str
    dash: Dash


MOST = len(_DASHES) * len(COLORS)
"""Lines of one panel that can be told apart."""


def looks(names: Iterable[str], places: dict[str, int]) -> dict[str, Look]:
    """Looks of a panel's names: by their places on the dashboard, so that one is alike everywhere.

    Where a name that is older has that look already, the next that is free is taken.
    """
    found: dict[str, Look] = {}
    place_of = {name: places.setdefault(name, len(places)) for name in names}
    for name in sorted(place_of, key=place_of.__getitem__):
        place = place_of[name] % len(COLORS)
        colors = (*COLORS[place:], *COLORS[:place])
        wanted = [Look(color, dash) for dash in _DASHES for color in colors]
        taken = set(found.values())
        found[name] = next((one for one in wanted if one not in taken), wanted[0])
    return found
