"""The kernel that merges the pieces of a sequence and writes the finished statistics of a head."""

import triton
import triton.language as tl

from sidecar.tap.summary import flight
from sidecar.tap.summary.kernels.partials import LENGTH, STARTS, STATISTICS, visible
from sidecar.tap.summary.kernels.statistics import (
    NO_SCORE,
    folded,
    merged,
    of_nothing,
    rebased,
)

ENTROPY, SQUARE_SUM, SELF_WEIGHT, PREVIOUS_WEIGHT, SINK_MASS, ARGMAX = (
    tl.constexpr(column) for column in range(len(flight.COLUMNS))
)
MASS = tl.constexpr(flight.MASS)
SEGMENTS_AT_ONCE = tl.constexpr(flight.SEGMENTS_AT_ONCE)
SLOTS_AT_ONCE = tl.constexpr(32)


@triton.jit
def slots_statistics(workspace, slots, first, last):
    """Numbers and statistics of `SLOTS_AT_ONCE` slots from ``first`` on, none after ``last``."""
    numbers = first + tl.arange(0, SLOTS_AT_ONCE)
    known = numbers <= last
    at = workspace + numbers
    position = tl.load(at + 4 * slots, mask=known, other=0.0)
    return numbers, (
        tl.load(at, mask=known, other=NO_SCORE),
        tl.load(at + slots, mask=known, other=0.0),
        tl.load(at + 2 * slots, mask=known, other=0.0),
        tl.load(at + 3 * slots, mask=known, other=0.0),
        position.to(tl.int32, bitcast=True),
    )


@triton.jit
def spread(belongs, slots):
    """Statistics of slots as ``[segments, slots]``, where one belongs to the other."""
    return (
        tl.where(belongs, slots[0][None, :], NO_SCORE),
        tl.where(belongs, slots[1][None, :], 0.0),
        tl.where(belongs, slots[2][None, :], 0.0),
        tl.where(belongs, slots[3][None, :], 0.0),
        tl.where(belongs, slots[4][None, :], 0),
    )


@triton.jit
def segment_statistics(workspace, slots, request, base, length, first, chunk):
    """Of `SEGMENTS_AT_ONCE` segments from ``base`` on; of those that are not seen, nothing."""
    numbers = base + tl.arange(0, SEGMENTS_AT_ONCE)
    begin = tl.maximum(tl.load(request + STARTS + numbers), first)
    end = tl.minimum(tl.load(request + STARTS + numbers + 1), length)
    seen = begin < end
    first_slot = tl.where(seen, numbers + (begin - first) // chunk, 2**30)
    last_slot = tl.where(seen, numbers + (end - 1 - first) // chunk, -1)
    statistics = of_nothing(tl.zeros([SEGMENTS_AT_ONCE], tl.float32))
    last = tl.max(last_slot, 0)
    for slot in range(tl.min(first_slot, 0), last + 1, SLOTS_AT_ONCE):
        found, loaded = slots_statistics(workspace, slots, slot, last)
        belongs = (found[None, :] >= first_slot[:, None]) & (found[None, :] <= last_slot[:, None])
        statistics = merged(statistics, folded(spread(belongs, loaded), 1))
    return statistics


@triton.jit(do_not_specialize=["splits", "slots", "segments"])
def combine(
    output,
    workspace,
    recent,
    requests,
    windows,
    sinks,
    splits,
    slots,
    segments,
    request_stride,
    layers: tl.constexpr,
    heads: tl.constexpr,
    tile: tl.constexpr,
):
    """Grid ``(heads, requests * layers)``; ``segments`` is a multiple of `SEGMENTS_AT_ONCE`."""
    head, layer = tl.program_id(0), tl.program_id(1) % layers
    request = requests + tl.program_id(1) // layers * request_stride
    length = tl.load(request + LENGTH)
    if length == 0:
        return
    first, chunk = visible(length, tl.load(windows + layer), splits, tile)
    row = (tl.program_id(1) * heads + head).to(tl.int64)
    workspace += row * (STATISTICS * slots)
    output += row * (MASS + 2 * segments)
    columns = tl.arange(0, SEGMENTS_AT_ONCE)

    statistics = of_nothing(tl.zeros([SEGMENTS_AT_ONCE], tl.float32))
    for base in range(0, segments, SEGMENTS_AT_ONCE):
        found = segment_statistics(workspace, slots, request, base, length, first, chunk)
        tl.store(output + MASS + base + columns, found[1])
        tl.store(output + MASS + segments + base + columns, found[0])
        statistics = merged(statistics, found)
    whole = folded(statistics, 0)

    largest = whole[0]
    absorbed = 0.0
    if sinks is not None:
        sink = tl.load(sinks + layer * heads + head)
        largest = tl.maximum(largest, sink)
        absorbed = tl.exp(sink - largest)
    total, moment, squares = rebased(whole, largest)
    divisor = total + absorbed
    tl.store(output + ENTROPY, (total * tl.log(divisor) - moment) / divisor)
    tl.store(output + SQUARE_SUM, squares / (divisor * divisor))
    tl.store(output + SINK_MASS, absorbed / divisor)
    tl.store(output + ARGMAX, whole[4].to(tl.float32, bitcast=True))
    own = tl.load(recent + row * 2)
    tl.store(output + SELF_WEIGHT, tl.exp(own - largest) / divisor)
    sees_previous = first < length - 1
    previous = tl.load(recent + row * 2 + 1, mask=sees_previous, other=NO_SCORE)
    previous_weight = tl.exp(previous - largest) / divisor
    tl.store(output + PREVIOUS_WEIGHT, tl.where(length > 1, previous_weight, float("nan")))

    tl.debug_barrier()  # a thread reads below what another wrote above
    for base in range(0, segments, SEGMENTS_AT_ONCE):
        mass = output + MASS + base + columns
        to_whole = tl.exp(tl.load(mass + segments) - largest) / divisor
        tl.store(mass, tl.load(mass) * to_whole)
        tl.store(mass + segments, to_whole)
