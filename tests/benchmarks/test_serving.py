"""Serving benchmarks: what is paired, what is sampled, and a short run on a real engine."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import hf_baseline, load, serving_overhead
from benchmarks.load import Block
from sidecar.config import Sampling
from sidecar.tap.sampling import Sampler


@dataclass
class Output:
    request_id: str
    tokens: int = 1
    finished: bool = False
    outputs: list[SimpleNamespace] = field(init=False)

    def __post_init__(self):
        self.outputs = [SimpleNamespace(token_ids=[0] * self.tokens)]


@pytest.mark.parametrize(("number", "rate"), [(20, 0.1), (10, 0.1), (20, 0.5), (20, 1.0)])
def test_ids_are_sampled_at_the_rate_exactly(number, rate):
    sampler = Sampler(Sampling(rate=rate))
    for prefix in ("round-0", "round-1"):
        ids = load.request_ids(number, rate, prefix)
        taken = [sampler.decide(f"{name}-0a1b2c3d", None) is not None for name in ids]
        assert sum(taken) == number * rate
        assert len(set(ids)) == number
        places = np.flatnonzero(taken)
        assert np.diff(places).max(initial=0) <= 1 / rate


def test_a_share_that_is_not_whole_is_refused():
    with pytest.raises(ValueError, match=r"number: 0.1 of it should be whole, got 15"):
        load.request_ids(15, 0.1, "x")


def test_gaps_are_between_the_tokens_of_one_request():
    clock = load._Clock()
    assert clock.note([Output("a"), Output("b")], 1.0) == 0
    assert clock.note([Output("a", finished=True)], 1.5) == 1
    assert clock.note([Output("b"), Output("c")], 4.0) == 0
    assert clock.tokens == 5
    assert clock.gaps == [0.5, 3.0]


def test_every_configuration_takes_every_place_equally_often():
    rounds = [serving_overhead.order(turn) for turn in range(8)]
    assert all(set(names) == set(serving_overhead.RATES) for names in rounds)
    for place in range(4):
        counts = Counter(names[place] for names in rounds)
        assert set(counts.values()) == {2}
    before_off = Counter(a for names in rounds for a, b in pairwise(names) if b == "off")
    assert len(before_off) > 1, "the same neighbour would always leave its dirt"


def test_losses_are_paired_within_a_round():
    """The machine gets twice as slow from round to round, and the tap costs 4 % in each."""
    speeds = [1.0, 2.0, 4.0, 8.0]
    gaps = np.full(100, 0.01)
    off = [Block(100 * s, 50 * s, 1000, gaps * s) for s in speeds]
    slower = [Block(100 * s / 0.96, 51 * s, 1000, gaps * s * 1.1) for s in speeds]
    found = serving_overhead.figures({"off": off, "0": off, "10": slower, "100": slower})
    assert found["throughput_lost_pct_rate_0"].value == pytest.approx(0)
    assert found["throughput_lost_pct_rate_10"].value == pytest.approx(4)
    assert found["throughput_lost_pct_rate_10"].spread == pytest.approx((4, 4))
    assert found["throughput_lost_pct_rate_10"].verdict == "MISSED"
    assert found["cpu_added_pct_rate_10"].value == pytest.approx(2)
    assert found["itl_p99_added_pct_rate_10"].value == pytest.approx(10)


def test_stages_are_counted_for_each_sample():
    costs = [{"summary": 0.04, "plan": 0.01, "samples": 10, "sampled": 5}] * 2
    found = serving_overhead.stage_figures(costs)
    assert found["tap_ms_per_sample"].value == pytest.approx(5)
    assert found["tap_ms_per_sample_summary"].value == pytest.approx(4)
    assert set(found) == {
        "tap_ms_per_sample",
        "tap_ms_per_sample_summary",
        "tap_ms_per_sample_plan",
    }


def test_the_share_is_of_the_same_block():
    cost = {"summary": 0.04, "plan": 0.01, "samples": 10, "sampled": 5}
    block = Block(2.0, 1.9, 100, np.ones(3))
    rates = ("0", "10", "100")
    found = serving_overhead.share_figures(
        {rate: [block] * 2 for rate in rates}, {rate: [cost] * 2 for rate in rates}
    )
    assert found["tap_share_pct_rate_10"].value == pytest.approx(2.5)


def test_ratios_to_hugging_face_are_within_a_round():
    costs = {
        "hf": [1.0, 10.0],
        "hf_eager": [0.9, 8.0],
        "hf_sdpa": [0.5, 5.0],
        "tap_default": [0.0001, 0.001],
        "tap_all": [0.001, 0.01],
    }
    found = hf_baseline.figures(costs)
    assert found["cost_ratio"].value == pytest.approx(150)
    assert found["cost_ratio"].verdict == "met"
    assert found["cost_ratio_default"].value == pytest.approx(1500)
    assert found["cost_over_sdpa_ratio"].value == pytest.approx(500)
    assert found["total_ratio"].value == pytest.approx(1000)
    assert found["hf_us_per_token"].value == pytest.approx(5.5e6)


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize("name", ["serving_overhead", "hf_baseline"])
def test_a_quick_run(name, tmp_path):
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick", "--json", str(file)]
    subprocess.run(command, check=True, timeout=400, capture_output=True)
    found = json.loads(file.read_text())["figures"]
    assert all(figure["value"] is not None for figure in found.values())
    if name == "serving_overhead":
        assert found["requests_sampled_pct_rate_0_demo"]["value"] == 0
        assert found["requests_sampled_pct_rate_10_demo"]["value"] == pytest.approx(10)
        assert found["requests_sampled_pct_rate_100_demo"]["value"] == pytest.approx(100)
    else:
        assert found["total_ratio_default_demo"]["value"] > 1
