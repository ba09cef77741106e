"""How precisely each float column is kept: fewer bits than float32 has, in float32 columns.

Trailing zero bits cost nothing once a column is split into byte planes and compressed, and every
reader takes the result for the plain float32 that it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float32]

SIGNIFICANT_BITS = 11
"""Significant bits of a rounded column that is not named below: it errs by at most 1 in 2,048."""

FEWER_BITS = {
    "mass": 10,
    "peak": 8,
    "square_sum": 8,
    "self_weight": 8,
    "previous_weight": 8,
}
"""With 10 bits the masses of a head still sum to 1 within 1e-3; 8 bits err by at most 1 in 256."""

WEIGHTS = frozenset({"mass", "peak", "self_weight", "previous_weight"})
"""Columns of attention weights, kept no finer than `WEIGHT_STEP` however small they are."""

WEIGHT_STEP = 2.0**-20

EXACT = frozenset({"sampling_rate"})
"""Float columns that are settings rather than measurements."""

_BLOCK = 1 << 15
"""Values rounded at a time: few enough for the processor's cache."""

_SHIFT = np.float32(2.0**23 * WEIGHT_STEP)


def is_float(kind: pa.DataType) -> bool:
    """Whether a column is float32 or a list of float32."""
    return bool(
        kind == pa.float32() or (pa.types.is_list(kind) and kind.value_type == pa.float32())
    )


def significant_bits(name: str) -> int | None:
    """Significant bits kept of a float column of `schema.RECORD`; None is all of them."""
    return None if name in EXACT else FEWER_BITS.get(name, SIGNIFICANT_BITS)


def round_significant(values: Floats, bits: int) -> Floats:
    """Round to ``bits`` (2..23) significant bits, half to even; NaN and infinities stay.

    Subnormal numbers keep the absolute precision of the smallest normal ones. Finite values within
    half a step of the largest float become infinite, as in any narrowing conversion.
    """
    dropped = 24 - bits
    rounded = values.view(np.uint32) >> np.uint32(dropped)
    rounded &= np.uint32(1)
    rounded += np.uint32((1 << (dropped - 1)) - 1)
    rounded += values.view(np.uint32)
    rounded &= np.uint32(0xFFFFFFFF ^ ((1 << dropped) - 1))
    result = rounded.view(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        np.copyto(result, values, where=~finite)
    return result


def round_weights(values: Floats, bits: int) -> Floats:
    """`round_significant` of weights in 0..1, first rounded to whole multiples of `WEIGHT_STEP`.

    Beside 8 a float32 has no room for anything finer than the step, so adding and taking away
    8 rounds, half to even.
    """
    stepped = values + _SHIFT
    stepped -= _SHIFT
    return round_significant(stepped, bits)


def round_column(name: str, column: pa.Array) -> pa.Array:
    """A column of `schema.RECORD` as it is stored: float32 or lists of float32, rounded.

    Lists must not be null. A null inside a list becomes NaN, which also means *not measured*.
    """
    bits = significant_bits(name)
    if bits is None or not is_float(column.type):
        return column
    if pa.types.is_list(column.type):
        offsets = view(column, np.int32, extra=1)
        values = column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
        rounded = _rounded(name, values.fill_null(np.nan) if values.null_count else values, bits)
        start = pa.py_buffer(offsets - offsets[0])
        return pa.Array.from_buffers(column.type, len(column), [None, start], children=[rounded])
    return _rounded(name, column, bits)


def rounded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of columns of `schema.RECORD` with the values that the archive stores."""
    columns = map(round_column, batch.schema.names, batch.columns)
    return pa.RecordBatch.from_arrays(list(columns), schema=batch.schema)


def view(array: pa.Array, dtype: Any, *, extra: int = 0) -> npt.NDArray[Any]:
    """The values (of lists: the offsets, with ``extra=1``) of an Arrow array, without a copy.

    Null entries hold anything. Unlike ``to_numpy`` it does not import pandas.
    """
    stop = array.offset + len(array) + extra
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array) + extra, dtype)
    return np.frombuffer(buffer, dtype, count=stop)[array.offset :]


def _rounded(name: str, array: pa.Array, bits: int) -> pa.Array:
    if array.null_count and array.offset:
        array = pa.concat_arrays([array, array.slice(0, 0)])
    round_values = round_weights if name in WEIGHTS else round_significant
    values = view(array, np.float32)
    rounded = np.empty_like(values)
    for start in range(0, len(values), _BLOCK):
        block = slice(start, start + _BLOCK)
        rounded[block] = round_values(values[block], bits)
    data = pa.py_buffer(rounded)
    validity = array.buffers()[0] if array.null_count else None
    return pa.Array.from_buffers(array.type, len(array), [validity, data])
