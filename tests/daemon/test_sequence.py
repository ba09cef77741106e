"""Gaps, late samples, replays and restarts by sequence number."""

from typing import Any

import numpy as np
import pytest

from sidecar.daemon import sequence
from sidecar.daemon.labels import Cap
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.sequence import Sequences
from tests.daemon.synthetic import Tap, batch_of

TEMPLATE = Tap(layers=[0], heads=1).sample()


def rows(*numbers: int | None, **origin: Any) -> Any:
    return batch_of([TEMPLATE | origin | {"sequence": number} for number in numbers])


class Followed:
    def __init__(self) -> None:
        self.metrics = OwnMetrics()
        self.sequences = Sequences(self.metrics, Cap(10))

    def take(self, *numbers: int | None, **origin: Any) -> list[bool]:
        fresh: list[bool] = self.sequences.account(rows(*numbers, **origin)).tolist()
        return fresh

    def count(self, name: str, engine: str = "0") -> float:
        found = self.metrics.registry.get_sample_value(
            f"attention_sidecar_{name}_total", {"engine": engine}
        )
        return found or 0.0


@pytest.fixture
def followed() -> Followed:
    return Followed()


def test_numbers_in_order_are_no_loss(followed: Followed) -> None:
    assert followed.take(0, 1, 2) == [True] * 3
    assert followed.take(3, 4) == [True] * 2
    assert followed.count("missing_samples") == 0
    assert followed.count("duplicate_samples") == 0


def test_a_gap_is_missing_within_and_between_batches(followed: Followed) -> None:
    followed.take(0, 1, 5)
    followed.take(10)
    assert followed.count("missing_samples") == 3 + 4


def test_late_samples_are_kept_and_counted_once(followed: Followed) -> None:
    followed.take(0, 5)
    assert followed.take(2, 4) == [True, True]
    assert followed.take(2) == [False]
    assert followed.count("missing_samples") == 4
    assert followed.count("late_samples") == 2
    assert followed.count("duplicate_samples") == 1


def test_a_replayed_batch_is_left_out(followed: Followed) -> None:
    followed.take(0, 1, 2)
    assert followed.take(1, 2, 3) == [False, False, True]
    assert followed.count("duplicate_samples") == 2


def test_engines_boots_and_ranks_count_for_themselves(followed: Followed) -> None:
    followed.take(0, 1)
    followed.take(0, 1, rank=1)
    followed.take(0, 1, engine="1")
    followed.take(0, 1, boot="second")
    for name in ("missing_samples", "duplicate_samples", "unseen_samples"):
        assert followed.count(name) == 0
    assert followed.count("engine_restarts") == 1
    assert followed.metrics.registry.get_sample_value("attention_sidecar_streams") == 4


def test_a_daemon_that_joins_late_says_what_it_has_not_seen(followed: Followed) -> None:
    followed.take(40, 41)
    assert followed.count("unseen_samples") == 40
    assert followed.count("missing_samples") == 0


def test_streams_that_take_turns_in_a_batch_are_told_apart(followed: Followed) -> None:
    samples = [TEMPLATE | {"engine": str(i % 2), "sequence": i // 2} for i in range(20)]
    assert followed.sequences.account(batch_of(samples)).all()
    assert followed.count("missing_samples") == 0


def test_a_sample_without_a_number_is_kept_for_others_to_judge(followed: Followed) -> None:
    batch = rows(0, None, 1)
    np.testing.assert_array_equal(followed.sequences.account(batch), [True] * 3)
    assert followed.count("missing_samples") == 0


def test_the_number_of_streams_is_bounded(followed: Followed) -> None:
    extra = 3
    for boot in range(sequence.MAX_STREAMS + extra):
        followed.take(0, boot=f"boot-{boot}")
    values = followed.metrics.registry.get_sample_value
    assert values("attention_sidecar_streams") == sequence.MAX_STREAMS
    assert values("attention_sidecar_streams_forgotten_total") == extra


def test_any_order_accounts_for_every_number() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        followed = Followed()
        numbers = random.choice(60, size=40, replace=False)
        sent = [0, *(numbers + 1).tolist()]
        fresh = followed.take(*sent, *sent)
        assert fresh == [True] * len(sent) + [False] * len(sent)
        lost = followed.count("missing_samples") - followed.count("late_samples")
        assert lost == max(sent) + 1 - len(sent)
        assert followed.count("duplicate_samples") == len(sent)
