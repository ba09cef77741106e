"""The samples of a real engine equal eager PyTorch on the same weights."""

import numpy as np
import pytest

from sidecar.tap.records import to_batch
from tests.engine import local, model

TOLERANCE = 2e-3


def prompt(length, seed):
    return np.random.default_rng(seed).integers(20, 1000, length).tolist()


def expected(sample, weights):
    """Columns of `schema.HEADS` from the full attention matrices of the whole sequence."""
    newest = sample.values["context_length"] - 1
    row = weights[sample.values["layers"], :, newest, : newest + 1].numpy()
    starts = np.asarray(sample.values["segment_start"])
    return {
        "mass": np.add.reduceat(row, starts, -1),
        "peak": np.maximum.reduceat(row, starts, -1),
        "entropy": -(row * np.log(np.maximum(row, 1e-30))).sum(-1),
        "square_sum": (row**2).sum(-1),
        "self_weight": row[..., -1],
        "previous_weight": row[..., -2] if newest else np.full(row.shape[:2], np.nan),
        "row": row,
    }


def check(samples, prompts, outputs, reference):
    """Every sample against the reference; returns the largest difference of a mass."""
    sequences = {tuple(p): p + o for p, o in zip(prompts, outputs, strict=True)}
    full = {key: model.weights(reference, tokens) for key, tokens in sequences.items()}
    worst = 0.0
    for sample in samples:
        number = int(sample.values["request_id"].split("-")[0]) - FIRST["id"]
        key = tuple(prompts[number])
        wanted = expected(sample, full[key])
        for name in ("mass", "peak", "square_sum", "self_weight", "previous_weight", "entropy"):
            found = sample.arrays[name].reshape(wanted[name].shape)
            scale = max(np.log(sample.values["context_length"]), 1.0) if name == "entropy" else 1.0
            assert (np.isnan(found) == np.isnan(wanted[name])).all(), name
            difference = float(np.nan_to_num(np.abs(found - wanted[name])).max()) / scale
            assert difference < TOLERANCE, name
            worst = max(worst, difference)
        check_argmax(sample, wanted["row"], sequences[key])
        assert np.abs(sample.arrays["mass"].reshape(wanted["mass"].shape).sum(-1) - 1).max() < 1e-3
        check_partition(sample)
    return worst


def check_argmax(sample, row, tokens):
    """The position found carries the largest weight, up to the tolerance, and is judged rightly."""
    argmax = sample.arrays["argmax"].reshape(row.shape[:2])
    at = np.take_along_axis(row, argmax[..., None], -1)[..., 0]
    assert (row.max(-1) - at).max() < TOLERANCE
    emitted = tokens[sample.values["context_length"]]
    copied = np.asarray(tokens)[argmax.reshape(-1)] == emitted
    assert (sample.arrays["copied"] == copied).all()


def check_partition(sample):
    values = sample.values
    starts, ends = list(values["segment_start"]), list(values["segment_end"])
    assert starts[0] == 0
    assert ends[-1] == values["context_length"]
    assert starts[1:] == ends[:-1]
    assert all(start < end for start, end in zip(starts, ends, strict=True))


FIRST = {"id": 0}


def generate(engine, prompts, tokens):
    """Outputs, remembering the number that the engine gives to the first of these requests."""
    FIRST["id"] = int(engine.llm.request_counter.counter)
    return engine.generate(prompts, tokens)


def steps(samples):
    """Sampled output steps by request."""
    found: dict[str, list[int]] = {}
    for sample in samples:
        found.setdefault(sample.values["request_id"], []).append(sample.values["step"])
    return sorted(found.values())


def test_the_self_test_saw_a_sample(engine):
    assert engine.tap.tested
    assert engine.tap.blind == ""


def test_concurrent_requests_of_different_lengths_in_chunks(engine, reference):
    prompts = [prompt(n, n) for n in (1, 5, 130, 260)]
    outputs = generate(engine, prompts, 6)
    assert steps(engine.samples) == [[0, 1, 2, 3, 4, 5]] * 4
    assert check(engine.samples, prompts, outputs, reference) < 1e-4


def test_prefix_cache_hits(engine, reference):
    shared = prompt(256, 1)
    prompts = [shared + prompt(40, 2)]
    generate(engine, prompts, 2)
    engine.samples.clear()
    prompts = [shared + prompt(40, 3)]
    outputs = generate(engine, prompts, 4)
    assert steps(engine.samples) == [[0, 1, 2, 3]]
    check(engine.samples, prompts, outputs, reference)


def test_preemption_repeats_no_step_and_changes_no_number(engine, reference, monkeypatch):
    prompts = [prompt(250, seed) for seed in (11, 12, 13, 14)]
    preempted = []
    scheduler = engine.llm.llm_engine.engine_core.engine_core.scheduler
    original = scheduler._preempt_request

    def preempt(request, *args, **kwargs):
        preempted.append(request.request_id)
        return original(request, *args, **kwargs)

    monkeypatch.setattr(scheduler, "_preempt_request", preempt)
    outputs = generate(engine, prompts, 150)
    assert preempted, "the cache was large enough, nothing was tested"
    assert steps(engine.samples) == [list(range(150))] * 4
    check(engine.samples, prompts, outputs, reference)


def test_samples_fit_the_wire_schema(engine):
    generate(engine, [prompt(30, 5)], 3)
    batch = to_batch(engine.samples)
    batch.validate(full=True)
    assert batch.num_rows == 3
    assert batch["sequence"].to_pylist() == list(range(engine.tap.samples - 3, engine.tap.samples))


@pytest.mark.slow
def test_a_bfloat16_engine(tmp_path):
    """Queries and keys twice, not six times as large: beyond, the engine's own rounding shows."""
    folder = model.write(tmp_path, sharper=2.0)
    engine = local.start(
        folder, dtype="bfloat16", max_num_batched_tokens=96, num_gpu_blocks_override=20
    )
    prompts = [prompt(n, n) for n in (9, 140, 300)]
    outputs = generate(engine, prompts, 5)
    assert check(engine.samples, prompts, outputs, model.reference(folder)) > 1e-5
    assert engine.tap.blind == "", "weights equal those of the engine's own queries and keys"
