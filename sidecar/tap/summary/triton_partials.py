"""The kernel that reads the keys: statistics of every piece of a sequence, for all heads.

The visible positions of a sequence are cut into as many chunks as there are splits, and chunks at
the starts of segments into pieces. A piece's slot is its split plus its segment: both ascend, so
no two pieces share one, and a segment's slots adjoin.
"""

import triton
import triton.language as tl

from sidecar.tap.summary import flight
from sidecar.tap.summary.triton_statistics import NO_SCORE, folded, merged, of_nothing

QUERY_ROW, BATCH_ROW, LENGTH, STARTS = (
    tl.constexpr(column)
    for column in (flight.QUERY_ROW, flight.BATCH_ROW, flight.LENGTH, flight.STARTS)
)
STATISTICS = tl.constexpr(5)
"""Rows of ``slots`` float32 that a head has in the workspace; the last holds int32."""


@triton.jit
def visible(length, window, splits, tile: tl.constexpr):
    """First position that is seen, and the positions of a split, a multiple of ``tile``."""
    first = tl.maximum(length - window, 0)
    return first, tl.cdiv(tl.cdiv(length - first, tile), splits) * tile


@triton.jit
def capped(scores, soft_cap):
    """``soft_cap * tanh(scores / soft_cap)``, or the scores where it is 0."""
    cap = tl.where(soft_cap > 0, soft_cap, 1.0)
    decay = tl.exp(-2.0 * tl.abs(scores) / cap)
    bounded = cap * (1.0 - decay) / (1.0 + decay)
    return tl.where(soft_cap > 0, tl.where(scores < 0, -bounded, bounded), scores)


@triton.jit(do_not_specialize=["splits", "slots"])
def partials(
    workspace,
    recent,
    query,
    keys,
    key_scales,
    block_table,
    requests,
    key_offsets,
    scale_offsets,
    scales,
    soft_caps,
    windows,
    slopes,
    splits,
    slots,
    request_stride,
    table_stride,
    query_strides,
    key_strides,
    scale_strides,
    layers: tl.constexpr,
    heads: tl.constexpr,
    group: tl.constexpr,
    padded_group: tl.constexpr,
    size: tl.constexpr,
    padded_size: tl.constexpr,
    block_size: tl.constexpr,
    segments: tl.constexpr,
    alignment: tl.constexpr,
    tile: tl.constexpr,
    dtype: tl.constexpr,
):
    """Grid ``(key heads, splits, requests * layers)``; see `PagedSummary` for the arguments."""
    key_head, split = tl.program_id(0), tl.program_id(1)
    number, layer = tl.program_id(2) // layers, tl.program_id(2) % layers
    request = requests + number * request_stride
    length = tl.load(request + LENGTH)
    first, chunk = visible(length, tl.load(windows + layer), splits, tile)
    begin = first + split * chunk
    end = tl.minimum(begin + chunk, length)
    if begin >= end:
        return

    lanes = tl.arange(0, padded_group)
    is_head = lanes < group
    head = key_head * group + lanes
    sizes = tl.arange(0, padded_size)
    row = query + layer * query_strides[0] + tl.load(request + QUERY_ROW) * query_strides[1]
    queries = tl.load(
        row + head[None, :] * query_strides[2] + sizes[:, None] * query_strides[3],
        mask=is_head[None, :] & (sizes < size)[:, None],
        other=0.0,
    ).to(dtype)
    scale = tl.load(scales + layer)
    key_offset = tl.multiple_of(tl.load(key_offsets + layer), alignment)
    keys += key_offset + key_head * key_strides[2]
    blocks = block_table + tl.load(request + BATCH_ROW) * table_stride

    out = (tl.program_id(2) * heads + head).to(tl.int64)
    starts = tl.arange(0, segments)
    before = tl.load(request + STARTS + starts)
    first_segment = tl.sum((before <= begin).to(tl.int32), 0) - 1
    segments_end = tl.sum((before < end).to(tl.int32), 0)
    for segment in range(first_segment, segments_end):
        piece = tl.maximum(begin, tl.load(request + STARTS + segment))
        piece_end = tl.minimum(end, tl.load(request + STARTS + segment + 1))
        statistics = of_nothing(tl.zeros([tile, padded_group], tl.float32))
        for tile_begin in range(piece, piece_end, tile):
            positions = tile_begin + tl.arange(0, tile)
            inside = positions < piece_end
            block = tl.load(blocks + positions // block_size, mask=inside, other=0).to(tl.int64)
            slot = positions % block_size
            at = block * key_strides[0] + slot * key_strides[1]
            key = tl.load(
                keys + at[:, None] + (sizes * key_strides[3])[None, :],
                mask=inside[:, None] & (sizes < size)[None, :],
                other=0.0,
            )
            scores = tl.dot(key.to(dtype), queries, input_precision="ieee") * scale
            if key_scales is not None:
                key_scale = tl.load(
                    key_scales
                    + tl.load(scale_offsets + layer)
                    + block * scale_strides[0]
                    + slot * scale_strides[1]
                    + key_head * scale_strides[2],
                    mask=inside,
                    other=0.0,
                )
                scores *= key_scale[:, None]
            if soft_caps is not None:
                scores = capped(scores, tl.load(soft_caps + layer))
            if slopes is not None:
                slope = tl.load(slopes + layer * heads + head, mask=is_head, other=0.0)
                scores += slope[None, :] * (positions - (length - 1))[:, None]
            if tile_begin + tile > length - 2:
                age = length - 1 - positions
                tl.store(
                    recent + out[None, :] * 2 + age[:, None],
                    scores,
                    mask=(inside & (age < 2))[:, None] & is_head[None, :],
                )
            scores = tl.where(inside[:, None], scores, NO_SCORE)
            statistics = merged(statistics, (scores, 1.0, 0.0, 1.0, positions[:, None]))
        largest, total, moment, squares, position = folded(statistics, 0)
        to = workspace + out * (STATISTICS * slots) + split + segment
        tl.store(to, largest, mask=is_head)
        tl.store(to + slots, total, mask=is_head)
        tl.store(to + 2 * slots, moment, mask=is_head)
        tl.store(to + 3 * slots, squares, mask=is_head)
        tl.store(to + 4 * slots, position.to(tl.float32, bitcast=True), mask=is_head)
