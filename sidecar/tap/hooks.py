"""Where the tap touches the engine: methods of one worker, its runner, and each layer's forward.

Methods are wrapped on the instances at hand; the plugin alone wraps one of a class.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from sidecar.config import Settings
from sidecar.tap import selftest
from sidecar.tap.emit import Emitter
from sidecar.tap.engines import adapter_for
from sidecar.tap.engines.base import Layer
from sidecar.tap.engines.identity import describe
from sidecar.tap.guard import Guard
from sidecar.tap.records import Sample
from sidecar.tap.status import status
from sidecar.tap.tap import Tap
from sidecar.wire import TapStatus

logger = logging.getLogger("attention_sidecar.tap")


class Hooks:
    """The tap of one worker. Whatever fails here leaves the engine as it was, and says so."""

    def __init__(self, worker: Any, settings: Settings) -> None:
        self._worker = worker
        self._runner = worker.model_runner
        self.tap = Tap(describe(self._runner), settings, self._deliver)
        self.emitter = Emitter(
            settings.wire,
            settings.engine.queue,
            self._status,
            self.tap.apply,
        )

    def install(self) -> None:
        """Wrap the runner; its layers are wrapped when the cache has been allocated."""
        self._runner.attention_sidecar = self
        self.emitter.start()
        try:
            self._wrap()
        except Exception as error:  # noqa: BLE001 - becomes the tap's state
            self._blinded(f"the runner cannot be wrapped: {error}")

    def _wrap(self) -> None:
        guard, tap = self.tap.guard, self.tap
        before(self._worker, "shutdown", lambda *_, **__: self.emitter.stop())
        after(self._runner, "initialize_kv_cache", self._on_cache)
        after(self._worker, "compile_or_warm_up_model", self._on_ready)
        before(self._runner, "execute_model", guarded(guard, "begin", tap.begin))
        before(self._runner, "sample_tokens", lambda *_, **__: guard.run("plan", tap.ran))
        after(self._runner, "sample_tokens", guarded(guard, "end", tap.end))

    def _status(self) -> TapStatus:
        """From the emitter's thread, once a second: what an idle engine's last step left."""
        self.tap.collect()
        return status(self.tap, self.emitter)

    def _deliver(self, sample: Sample) -> None:
        self.emitter.put(sample)

    def _on_cache(self, *_: Any, is_profiling: bool = False, **__: Any) -> None:
        if is_profiling:
            return
        try:
            for layer in self.tap.arm(adapter_for(self._runner)):
                hook_layer(layer, self.tap)
        except Exception as error:  # noqa: BLE001 - becomes the tap's state
            self._blinded(str(error) or type(error).__name__)

    def _on_ready(self, *_: Any, **__: Any) -> None:
        if self.tap.tested:
            return
        try:
            self._blinded(selftest.prove(self.tap))
        except Exception as error:
            logger.exception("attention tap: the self-test failed")
            self._blinded(f"the self-test failed: {type(error).__name__}: {error}")

    def _blinded(self, reason: str) -> None:
        """Settle the tap's state: an empty reason means that it sees."""
        self.tap.tested, self.tap.blind = True, reason
        if reason:
            logger.error("attention tap: blind, nothing is measured: %s", reason)
        else:
            logger.info(
                "attention tap: active on layers %s",
                sorted(self.tap.tapped.slots) if self.tap.tapped else [],
            )


def hook_layer(layer: Layer, tap: Tap) -> None:
    """Let the tap see the queries of a layer before the engine attends with them."""
    implementation = layer.module.impl
    original = implementation.forward

    def attention(_: Any, query: Any, key: Any, *__: Any, **___: Any) -> None:
        tap.attention(layer.index, query, key)

    @functools.wraps(original)
    def forward(*args: Any, **kwargs: Any) -> Any:
        tap.guard.run("attention", attention, *args, **kwargs)
        return original(*args, **kwargs)

    implementation.forward = forward


def guarded(guard: Guard, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Call with what the engine passes, whatever that is, within the guard; the first is ours."""

    def call(*args: Any, **kwargs: Any) -> None:
        guard.run(stage, lambda: work(next(iter([*args, *kwargs.values()]))))

    return call


def before(target: Any, name: str, call: Callable[..., Any]) -> None:
    """Call with the method's arguments before it runs."""
    original = getattr(target, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call(*args, **kwargs)
        return original(*args, **kwargs)

    setattr(target, name, wrapped)


def after(target: Any, name: str, call: Callable[..., Any]) -> None:
    """Call with the method's result and arguments after it ran."""
    original = getattr(target, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        call(result, *args, **kwargs)
        return result

    setattr(target, name, wrapped)
