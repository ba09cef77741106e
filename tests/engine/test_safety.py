"""Whatever breaks inside the tap, requests get the tokens they would get without it."""

import pytest

from tests.engine import local
from tests.engine.test_numbers import prompt

PROMPTS = [prompt(n, n) for n in (20, 150, 60)]
TOKENS = 6


@pytest.fixture(scope="session")
def without_tap(model_dir):
    """Tokens of an engine that never had a hook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTENTION_TAP", "off")
        engine = local.LocalEngine(local.bare(model_dir, max_num_batched_tokens=96))
    assert not hasattr(engine.runner, "attention_sidecar")
    assert "execute_model" not in vars(engine.runner)
    return engine.generate(PROMPTS, TOKENS)


def fail(*args, **kwargs):
    raise RuntimeError("injected")


STAGES = {
    "begin": (lambda tap: (tap.adapter, "announcement"), "step_lost"),
    "plan": (lambda tap: (tap.adapter, "locate"), "plan_failed"),
    "stash": (lambda tap: (tap.tapped.stash, "put"), "no_query"),
    "spans": (lambda tap: (tap.requests, "track"), "spans_failed"),
    "summary": (lambda tap: (tap.tapped, "summarise"), "no_summary"),
    "emit": (lambda tap: (tap, "_deliver"), "not_emitted"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_an_exception_in_any_stage(engine, without_tap, monkeypatch, stage):
    engine.generate(PROMPTS, 1)
    tap = engine.tap
    monkeypatch.setattr(tap.guard, "_limit", 10**9)
    tap.dropped.clear()
    tap.guard.errors.clear()
    locate, reason = STAGES[stage]
    monkeypatch.setattr(*locate(tap), fail)
    assert engine.generate(PROMPTS, TOKENS) == without_tap
    assert tap.guard.errors["RuntimeError"] > 0
    assert tap.dropped[reason] > 0
    monkeypatch.undo()
    engine.listen()
    tap.guard.succeeded()
    engine.generate(PROMPTS, TOKENS)
    assert len(engine.samples) == len(PROMPTS) * TOKENS, "and it recovers"


def test_samples_lost_in_a_stage_are_counted_exactly(engine, monkeypatch):
    tap = engine.tap
    monkeypatch.setattr(tap.guard, "_limit", 10**9)
    for stage in ("stash", "summary", "emit"):
        tap.dropped.clear()
        with monkeypatch.context() as patch:
            locate, reason = STAGES[stage]
            patch.setattr(*locate(tap), fail)
            engine.generate(PROMPTS, TOKENS)
        assert tap.dropped[reason] == len(PROMPTS) * TOKENS, stage
        tap.guard.succeeded()


def test_the_tap_does_not_change_tokens(engine, without_tap):
    assert engine.generate(PROMPTS, TOKENS) == without_tap


def test_failures_in_a_row_switch_it_off(model_dir, without_tap, monkeypatch):
    engine = local.start(model_dir, max_num_batched_tokens=96)
    engine.generate(PROMPTS, 1)
    monkeypatch.setattr(engine.tap.tapped, "summarise", fail)
    assert engine.generate(PROMPTS, TOKENS) == without_tap
    assert engine.tap.guard.tripped.startswith("5 failures in a row, the last in summary")
    monkeypatch.undo()
    engine.samples.clear()
    engine.generate(PROMPTS, TOKENS)
    assert engine.samples == []


def test_hooks_removed_behind_its_back_make_it_blind(model_dir):
    engine = local.start(model_dir, max_num_batched_tokens=96)
    for module in engine.runner.compilation_config.static_forward_context.values():
        module.impl.__dict__.pop("forward", None)
    engine.generate(PROMPTS, TOKENS)
    assert engine.samples == []
    assert "hooks were removed" in engine.tap.blind


def test_one_lost_hook_makes_it_blind_too(model_dir):
    engine = local.start(model_dir, max_num_batched_tokens=96)
    lost = engine.tap.tapped.layers[-1]
    vars(lost.module.impl).pop("forward")
    engine.generate(PROMPTS, TOKENS)
    assert f"layers [{lost.index}] do not report" in engine.tap.blind


def test_the_self_test_has_no_budget(model_dir, monkeypatch):
    monkeypatch.setenv("ATTENTION_SAMPLING__BUDGET_MS_PER_S", "0.000001")
    engine = local.start(model_dir, max_num_batched_tokens=96)
    assert engine.tap.tested
    assert engine.tap.blind == ""


def test_the_self_test_sees_that_hooks_do_not_work(model_dir, monkeypatch):
    monkeypatch.setattr("sidecar.tap.hooks.hook_layer", lambda layer, tap: None)
    engine = local.start(model_dir, max_num_batched_tokens=96)
    assert engine.tap.tested
    assert "the dummy step gave no sample" in engine.tap.blind


def test_the_self_test_sees_keys_read_from_the_wrong_place(model_dir, monkeypatch):
    from sidecar.tap.engines.cpu_cache import CpuKeyReader

    right = CpuKeyReader.read
    monkeypatch.setattr(
        CpuKeyReader, "read", lambda self, row, positions: right(self, row, positions).flip(1)
    )
    engine = local.start(model_dir, max_num_batched_tokens=96)
    assert "differ from the forward pass" in engine.tap.blind


def test_an_unknown_runner_is_blind_not_silent(model_dir, monkeypatch):
    from sidecar.tap import engines

    monkeypatch.setattr(engines, "ADAPTERS", ())
    engine = local.start(model_dir, max_num_batched_tokens=96)
    assert engine.tap.tested
    assert engine.tap.blind
    assert len(engine.generate(PROMPTS, 2)) == 3


@pytest.mark.parametrize("call", ["execute_model", "sample_tokens"])
def test_a_self_test_that_breaks_the_engines_step_leaves_the_engine_whole(
    model_dir, without_tap, monkeypatch, call
):
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    right, calls = getattr(GPUModelRunner, call), []

    def once(self, *args, **kwargs):
        calls.append(call)
        if len(calls) == 1:
            raise RuntimeError("injected")
        return right(self, *args, **kwargs)

    monkeypatch.setattr(GPUModelRunner, call, once)
    engine = local.start(model_dir, max_num_batched_tokens=96)
    assert "the self-test failed: RuntimeError: injected" in engine.tap.blind
    assert engine.generate(PROMPTS, TOKENS) == without_tap
    assert engine.samples == []
