"""The kernel that reads the keys: statistics of every piece of a sequence, for all heads.

The visible positions of a sequence are cut into as many chunks as there are splits, and chunks at
the starts of segments into pieces. A piece's slot is its split plus its segment: both ascend, so
no two pieces share one, and a segment's slots adjoin.
"""

import triton
import triton.language as tl

from sidecar.tap.summary import flight
from sidecar.tap.summary.kernels.statistics import NO_SCORE, folded, merged, of_nothing

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
def capped(scores, soft_caps, layer):
    """``cap * tanh(scores / cap)``; the scores where the layer's cap is 0 or no layer has one."""
    if soft_caps is not None:
        soft_cap = tl.load(soft_caps + layer)
        cap = tl.where(soft_cap > 0, soft_cap, 1.0)
        decay = tl.exp(-2.0 * tl.abs(scores) / cap)
        bounded = cap * (1.0 - decay) / (1.0 + decay)
        scores = tl.where(soft_cap > 0, tl.where(scores < 0, -bounded, bounded), scores)
    return scores


@triton.jit
def biased(scores, slopes, ages, mask):
    """Scores less ALiBi's slope for each position of age; ``slopes`` points to each head's."""
    if slopes is not None:
        scores -= tl.load(slopes, mask=mask, other=0.0)[None, :] * ages[:, None]
    return scores


@triton.jit
def store_recent(recent, scores, ages, mask):
    """Keep the scores of the last two positions, the last one first."""
    tl.store(recent[None, :] + ages[:, None], scores, mask=mask & (ages < 2)[:, None])


@triton.jit
def store_piece(workspace, slots, statistics, mask):
    """One slot of every head."""
    tl.store(workspace, statistics[0], mask=mask)
    tl.store(workspace + slots, statistics[1], mask=mask)
    tl.store(workspace + 2 * slots, statistics[2], mask=mask)
    tl.store(workspace + 3 * slots, statistics[3], mask=mask)
    tl.store(workspace + 4 * slots, statistics[4].to(tl.float32, bitcast=True), mask=mask)


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
    """Grid ``(key heads, splits, requests * layers)``; `Launch` says what the arguments are."""
    key_head, split = tl.program_id(0).to(tl.int64), tl.program_id(1)
    layer = (tl.program_id(2) % layers).to(tl.int64)
    request = requests + tl.program_id(2) // layers * request_stride
    length = tl.load(request + LENGTH)
    first, chunk = visible(length, tl.load(windows + layer), splits, tile)
    begin = first + split * chunk
    end = tl.minimum(begin + chunk, length)
    if begin >= end:
        return

    lanes, sizes = tl.arange(0, padded_group), tl.arange(0, padded_size)
    is_head, is_size = lanes < group, sizes < size
    head = key_head * group + lanes
    out = tl.program_id(2).to(tl.int64) * heads + head
    query += layer * query_strides[0] + tl.load(request + QUERY_ROW) * query_strides[1]
    queries = tl.load(
        query + head[None, :] * query_strides[2] + sizes[:, None] * query_strides[3],
        mask=is_head[None, :] & is_size[:, None],
        other=0.0,
    ).to(dtype)
    scale = tl.load(scales + layer)
    keys += tl.multiple_of(tl.load(key_offsets + layer), alignment) + key_head * key_strides[2]
    if key_scales is not None:
        key_scales += tl.load(scale_offsets + layer) + key_head * scale_strides[2]
    if slopes is not None:
        slopes += layer * heads + head
    block_table += tl.load(request + BATCH_ROW) * table_stride

    starts = tl.load(request + STARTS + tl.arange(0, segments))
    first_segment = tl.sum((starts <= begin).to(tl.int32), 0) - 1
    segments_end = tl.sum((starts < end).to(tl.int32), 0)
    for segment in range(first_segment, segments_end):
        piece = tl.maximum(begin, tl.load(request + STARTS + segment))
        piece_end = tl.minimum(end, tl.load(request + STARTS + segment + 1))
        statistics = of_nothing(tl.zeros([tile, padded_group], tl.float32))
        for tile_begin in range(piece, piece_end, tile):
            positions = tile_begin + tl.arange(0, tile)
            inside = positions < piece_end
            block = tl.load(block_table + positions // block_size, mask=inside, other=0)
            block, slot = block.to(tl.int64), positions % block_size
            rows = keys + block * key_strides[0] + slot * key_strides[1]
            key = tl.load(
                rows[:, None] + sizes[None, :] * key_strides[3],
                mask=inside[:, None] & is_size[None, :],
                other=0.0,
            )
            scores = tl.dot(key.to(dtype), queries, input_precision="ieee") * scale
            if key_scales is not None:
                at = key_scales + block * scale_strides[0] + slot * scale_strides[1]
                scores *= tl.load(at, mask=inside, other=0.0)[:, None]
            ages = length - 1 - positions
            scores = biased(capped(scores, soft_caps, layer), slopes, ages, is_head)
            if tile_begin + tile > length - 2:
                store_recent(recent + out * 2, scores, ages, inside[:, None] & is_head[None, :])
            scores = tl.where(inside[:, None], scores, NO_SCORE)
            statistics = merged(statistics, (scores, 1.0, 0.0, 1.0, positions[:, None]))
        to = workspace + out * (STATISTICS * slots) + split + segment
        store_piece(to, slots, folded(statistics, 0), is_head)
