"""What the archive's documentation says of each column."""

from collections.abc import Iterator

import pyarrow as pa

from sidecar.archive.precision import WEIGHTS, is_float, significant_bits
from sidecar.archive.reading import COLUMNS

HEADING = ("Column", "Type", "Null", "Kept")


def rows() -> Iterator[tuple[str, ...]]:
    """A row of text for each column, in their order."""
    for field in COLUMNS:
        yield f"`{field.name}`", f"`{field.type}`", "yes" if field.nullable else "", _kept(field)


def _kept(field: pa.Field) -> str:
    bits = significant_bits(field.name) if is_float(field.type) else None
    if bits is None:
        return "exactly"
    return f"{bits} bits, steps of 2⁻²⁰" if field.name in WEIGHTS else f"{bits} bits"
