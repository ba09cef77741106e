"""Statistics of a set of scores that merge with those of another set, on the GPU.

A tuple of tensors ``(largest, total, moment, squares, position)``: the largest score m, then with
x = score - m the sums of e^x, x·e^x and e^2x, then the first position of m. Sums relative to the
largest score neither overflow nor cancel.
"""

import triton
import triton.language as tl

NO_SCORE = tl.constexpr(-1e30)
"""The largest score of nothing: below all others, and finite, so that zero times it is zero."""
NO_POSITION = tl.constexpr(2**31 - 1)


@triton.jit
def of_nothing(like):
    """Statistics of no score, in the shape of ``like``, float32."""
    zeros = like * 0.0
    return zeros + NO_SCORE, zeros, zeros, zeros, zeros.to(tl.int32)


@triton.jit
def rebased(statistics, largest):
    """Sums relative to another largest score."""
    shift = statistics[0] - largest
    factor = tl.exp(shift)
    total = factor * statistics[1]
    moment = factor * (statistics[2] + shift * statistics[1])
    return total, moment, factor * factor * statistics[3]


@triton.jit
def merged(earlier, later):
    """Elementwise; a tie goes to the earlier."""
    largest = tl.maximum(earlier[0], later[0])
    total, moment, squares = rebased(earlier, largest)
    total_later, moment_later, squares_later = rebased(later, largest)
    position = tl.where(later[0] > earlier[0], later[4], earlier[4])
    return (
        largest,
        total + total_later,
        moment + moment_later,
        squares + squares_later,
        position,
    )


@triton.jit
def folded(statistics, axis: tl.constexpr):
    """Of all along an axis; a tie goes to the first position."""
    largest = tl.max(statistics[0], axis)
    whole = tl.expand_dims(largest, axis)
    total, moment, squares = rebased(statistics, whole)
    position = tl.min(tl.where(statistics[0] == whole, statistics[4], NO_POSITION), axis)
    return largest, tl.sum(total, axis), tl.sum(moment, axis), tl.sum(squares, axis), position
