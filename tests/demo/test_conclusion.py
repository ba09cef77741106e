"""Figures of two phases are compared with their scatter, and no sentence says more than that."""

import random
from collections.abc import Callable, Mapping

import pytest

from sidecar.demo.chart import chart
from sidecar.demo.conclusion import Moved, compare, conclude
from sidecar.demo.faults import CHANGES
from sidecar.demo.judge import Verdict
from sidecar.demo.phases import ACCURACY, BUCKET_READINGS, SIGNALS, Phase
from sidecar.demo.readings import Reading
from sidecar.demo.traffic import Answer, Tally

SECONDS, SAMPLES = 45, 10


def phase(
    accuracy: float,
    *,
    scatter: float = 0.02,
    tokens: int = 200,
    seconds: int = SECONDS,
    **means: float,
) -> Phase:
    """Readings and answers of a phase whose signals have these means."""
    draw = random.Random(7)
    answers = [
        Answer(second + 0.5, "shop", draw.random() < accuracy, Verdict.DOCUMENT, tokens)
        for second in range(seconds)
        for _ in range(5)
    ]
    readings, totals = [], dict.fromkeys(means, 0.0)
    for second in range(seconds + 1):
        series: dict[str, tuple[tuple[Mapping[str, str], float], ...]] = {}
        for name, total in totals.items():
            series[f"attention_{name}_sum"] = (({}, total),)
            series[f"attention_{name}_count"] = (({}, float(SAMPLES * second)),)
            totals[name] += SAMPLES * draw.gauss(means[name], scatter)
        readings.append(Reading(float(second), series))
    return Phase("a phase", Tally(answers), readings)


def said(before: Phase, after: Phase, fault: str = "closed-book") -> str:
    return conclude(CHANGES[fault], before, after)


def test_figures_of_a_phase_are_of_the_whole_and_of_three_seconds_each() -> None:
    found = phase(0.9, context_share=0.4)
    assert found.mean("context_share") == pytest.approx(0.4, abs=0.02)
    assert len(found.series("context_share")) == SECONDS // BUCKET_READINGS
    assert found.mean(ACCURACY) == pytest.approx(0.9, abs=0.05)
    assert found.error("context_share") == pytest.approx(0.02 / 45**0.5, rel=0.5)


def test_too_short_a_phase_has_no_error() -> None:
    short = phase(0.9, context_share=0.4, seconds=8)
    assert short.mean("context_share") is not None
    assert short.error("context_share") is None
    assert compare("context_share", short, short).direction is None
    assert compare(ACCURACY, short, short).direction == "stayed"


def test_a_share_of_answers_has_the_error_of_a_share() -> None:
    half, all_right = phase(0.5, seconds=20), phase(1.0, seconds=20)
    assert half.error(ACCURACY) == pytest.approx((0.25 / 100) ** 0.5, rel=0.05)
    assert (all_right.error(ACCURACY) or 0) > 0
    assert Phase("", Tally(), half.readings).error(ACCURACY) is None


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [(0.4, 0.3, "fell"), (0.3, 0.4, "rose"), (0.4, 0.395, "stayed")],
)
def test_a_figure_moves_by_more_than_its_scatter(
    before: float, after: float, direction: str
) -> None:
    moved = compare("context_share", phase(1, context_share=before), phase(1, context_share=after))
    assert moved.direction == direction


def test_a_difference_within_the_scatter_is_not_called_a_move() -> None:
    noisy: Callable[[float], Phase] = lambda mean: phase(1, scatter=0.2, context_share=mean)  # noqa: E731
    moved = compare("context_share", noisy(0.40), noisy(0.44))
    assert moved.direction == "stayed"
    assert "stayed about the same" in str(moved)


def test_the_sentences_hold_the_run_s_own_figures() -> None:
    before, after = phase(1.0, context_share=0.4), phase(0.2, context_share=0.3, tokens=100)
    text = said(before, after)
    assert f"{len(before.tally.answers)} requests before" in text
    assert "prompts of 200 and 100 tokens" in text
    assert f"answers right fell from 100% to {after.mean(ACCURACY):.0%}" in text
    for found in (before, after):
        assert f"{found.mean('context_share'):.3f}" in text
    assert text.count(". ") == 1
    assert "evidence and not an explanation (prompts changed in length too" in text
    assert "copy rate" not in text


def test_equal_lengths_need_no_caution() -> None:
    text = said(phase(1.0, context_share=0.4), phase(0.2, context_share=0.3))
    assert text.endswith("evidence and not an explanation.")


def test_it_says_when_attention_did_not_show_it() -> None:
    text = said(phase(1.0, context_share=0.4), phase(0.2, context_share=0.4), "stale")
    assert "attention did not move, so it did not show this" in text


def test_it_says_when_attention_moved_for_nothing() -> None:
    text = said(phase(1.0, context_share=0.4), phase(1.0, context_share=0.3), "longer-documents")
    assert "attention moved though the answers did not get worse" in text
    still = said(phase(1.0, context_share=0.4), phase(1.0, context_share=0.4))
    assert "neither the answers got worse nor did attention move" in still


def test_it_says_what_was_not_measured() -> None:
    assert "No signal of attention was measured" in said(phase(1.0), phase(0.1))
    half = said(phase(1.0, context_share=0.4), phase(0.1))
    assert "context share cannot be compared (" in half
    assert "to not measured" in half
    assert "too little to compare" in half


def test_a_signal_that_was_measured_on_one_side_does_not_hide_the_other() -> None:
    after = phase(0.1, context_share=0.3)
    text = said(phase(1.0, context_share=0.4, copy_rate=0.1), after)
    assert "context share fell" in text
    assert "copy rate cannot be compared" in text


def test_a_move_reads_as_a_sentence() -> None:
    assert str(Moved(ACCURACY, 0.97, 0.31, 0.02)) == "answers right fell from 97% to 31%"
    assert str(Moved("copy_rate", 0.1, 0.2, 0.01)) == "copy rate rose from 0.100 to 0.200"
    assert {"context_share", "copy_rate"} <= set(SIGNALS)


def test_a_chart_shows_its_scale_its_gaps_and_the_rollout() -> None:
    assert chart([0.5, None, 1.0], [0.0]) == "0.00–1.00 ▅·█│▁"
    assert chart([0.5]) == "0.40–0.50 █"
    assert chart([None], [None]) == "not measured"
    assert chart([0.0, 0.0]) == "0.00–0.00 ▁▁"


def test_a_chart_does_not_draw_noise_as_large_as_an_effect() -> None:
    assert chart([0.400, 0.401, 0.399]) == "0.32–0.40 ███"
