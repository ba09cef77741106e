"""Scores of heads: over prompts rather than steps, and refused when they would mean little."""

import doctest
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from sidecar.calibration import scores
from sidecar.calibration.scores import TooLittle, choose, half_width, score
from tests.daemon.synthetic import Tap, batch_of

LAYERS, HEADS = 4, 8
COPYING = {(1, 3): 0.8, (2, 0): 0.6, (2, 5): 0.5, (3, 7): 0.4, (0, 0): 0.3}


def samples(
    prompts: Iterable[int],
    *,
    steps: int = 4,
    rates: dict[tuple[int, int], float] | None = None,
    seed: int = 0,
    **changes: object,
) -> pa.RecordBatch:
    """Steps of which heads retrieve at their rate, and copy from elsewhere at the others."""
    random = np.random.default_rng(seed)
    tap = Tap(layers=range(LAYERS), heads=HEADS, documents=2, seed=seed)
    rows = []
    for prompt in prompts:
        for step in range(steps):
            row = tap.sample(step=step, tags=[("prompt", str(prompt))])
            document = row["segment_start"][row["segment_role"].index("context")]
            inside = np.zeros((LAYERS, HEADS), dtype=bool)
            for place, rate in (COPYING if rates is None else rates).items():
                inside[place] = random.random() < rate
            row["argmax"] = np.where(inside, document, 1).ravel().astype(np.int32)
            rows.append(row | {"copied": [True] * inside.size} | changes)
    return batch_of(rows)


def names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_planted_heads_are_found_best_first() -> None:
    found = score([samples(range(50)), samples(range(50, 120), seed=1)], names(120))
    assert (found.right, found.samples) == (120, 480)
    for place, rate in COPYING.items():
        assert found.low[place] - 0.05 <= rate <= found.high[place] + 0.05
    assert found.score.sum() == pytest.approx(sum(found.score[place] for place in COPYING))
    assert choose(found) == [(1, 3), (2, 0), (2, 5), (3, 7)], "an eighth of 32 heads"
    assert choose(found, most=2) == [(1, 3), (2, 0)]


def test_the_interval_is_over_prompts_not_steps() -> None:
    """A prompt whose steps are all alike says no more than one step of it."""
    once = samples(range(60), steps=1)
    copies = pa.Table.from_batches([once] * 20).combine_chunks().to_batches()
    one, many = score([once], names(60)), score(copies, names(60))
    np.testing.assert_allclose(one.low, many.low)
    np.testing.assert_allclose(one.high, many.high)


def test_prompts_weigh_alike_whatever_their_length() -> None:
    long = samples([0], steps=30, rates=dict.fromkeys(COPYING, 1.0))
    short = samples([1], steps=2, rates={})
    assert score([long, short], names(2)).score[1, 3] == 0.5


def test_only_right_and_measured_prompts_count() -> None:
    half = samples(range(10), documents_declared=3, documents_found=2)
    none = samples(range(10, 20), documents_declared=0, documents_found=0)
    unknown = samples(range(20, 30), copied=[])
    wrong = samples(range(30, 40))
    right = samples(range(40, 60))
    found = score([half, none, unknown, wrong, right], names(30) + names(60)[40:])
    assert found.right == 20


def test_copying_from_elsewhere_is_no_retrieval() -> None:
    assert score([samples(range(3), rates={})], names(3)).score.max() == 0


def test_samples_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same layers and heads"):
        score([samples([0]), batch_of([other_shape()])], names(2))


def other_shape() -> dict[str, object]:
    return Tap(layers=[0], heads=2).sample(tags=[("prompt", "1")])


@pytest.mark.parametrize("right", [0, 1, 49])
def test_too_few_right_answers_are_refused_with_how_many_are_missing(right: int) -> None:
    with pytest.raises(TooLittle, match=f"{right} prompts .*, {50 - right} more are needed"):
        choose(score([samples(range(60))], names(right)))


def test_an_interval_that_is_too_wide_is_refused() -> None:
    unsure = samples(range(52), steps=1, rates={(1, 3): 0.5})
    with pytest.raises(TooLittle, match=r"known to ±0\.1\d only, .* some \d+ more right answers"):
        choose(score([unsure], names(52)))


def test_a_model_without_retrieval_heads_is_told() -> None:
    weak = samples(range(80), rates={(1, 3): 0.05})
    with pytest.raises(TooLittle, match=r"no head's score is surely 0\.1 or more, the best has 0"):
        choose(score([weak], names(80)))


def test_intervals_are_students() -> None:
    values = np.random.default_rng(0).random((73, 2, 3))
    expected = stats.t.interval(0.95, 72, loc=0, scale=stats.sem(values, axis=0))[1]
    np.testing.assert_allclose(half_width(values), expected, rtol=1e-9)


def test_the_examples_hold() -> None:
    outcome = doctest.testmod(scores)
    assert (outcome.attempted >= 2, outcome.failed) == (True, 0)
