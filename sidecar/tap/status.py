"""What the tap says of itself."""

import time
from collections import Counter

import sidecar
from sidecar.tap.emit import Emitter
from sidecar.tap.engines.identity import backend_name
from sidecar.tap.tap import Tap
from sidecar.wire import TapState, TapStatus


def status(tap: Tap, emitter: Emitter) -> TapStatus:
    """A snapshot for the daemon; called from the emitter's thread."""
    state, reason = state_of(tap)
    identity, requests = tap.identity, tap.requests
    layers = tap.tapped.layers if tap.tapped else []
    return TapStatus(
        engine=tap.settings.engine.label or identity.engine,
        boot=tap.boot,
        rank=identity.rank,
        model_name=identity.model_name,
        time=time.time(),
        version=sidecar.__version__,
        vllm_version=identity.vllm_version,
        runner=identity.runner,
        backend=backend_name(layers[0].module) if layers else "unknown",
        device=identity.device,
        state=state,
        reason=reason,
        sampling=tap.sampling,
        effective_rate=tap.sampling.rate * tap.sampler.budget.share,
        tapped_layers=[layer.index for layer in layers],
        steps=tap.steps,
        requests=requests.seen,
        requests_sampled=requests.sampled,
        samples=tap.samples,
        seconds=dict(tap.guard.seconds),
        dropped=_together(tap.dropped, emitter.dropped),
        errors=_together(tap.guard.errors, emitter.errors),
        spans=dict(requests.methods),
        span_failures=dict(requests.failures),
        queue_depth=emitter.depth,
    )


def _together(first: Counter[str], second: Counter[str]) -> dict[str, int]:
    """The sum without zeros; copied first, since the engine's thread goes on counting."""
    return dict(Counter(dict(first)) + Counter(dict(second)))


def state_of(tap: Tap) -> tuple[TapState, str]:
    """The tap's state and, unless active, why."""
    if tap.guard.tripped:
        return "tripped", tap.guard.tripped
    if tap.blind:
        return ("blind" if tap.tested else "starting"), tap.blind
    return "active", tap.complaint
