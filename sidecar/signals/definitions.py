"""The definitions in `formulas`, taken apart for the documentation."""

import inspect
import re
from collections.abc import Iterator
from typing import NamedTuple

from sidecar import schema
from sidecar.signals import formulas


class Definition(NamedTuple):
    """One signal in words."""

    name: str
    meaning: str
    formula: str
    unmeasured: str
    """When it is null."""
    source: str


def definitions() -> Iterator[Definition]:
    """Every signal, in the order of the schema."""
    for name in schema.SIGNAL_NAMES:
        text = inspect.getdoc(getattr(formulas, name)) or ""
        meaning, formula = text.partition("\n")[0], _after("Formula:", text)
        yield Definition(
            name, meaning, formula, _after("Not measured", text), _after("Source:", text)
        )


def _after(word: str, text: str) -> str:
    """What follows a word, up to an empty line or the next one of its kind."""
    found = re.search(rf"{word}(.*?)(?=\nSource:|\n\n)", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""
