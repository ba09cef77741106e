"""Adapters to the engines' runners; narrow, probed by signature, one per generation."""

from typing import Any

from sidecar.tap.engines.base import Adapter, Unsupported
from sidecar.tap.engines.vllm_v1 import V1Adapter
from sidecar.tap.engines.vllm_v2 import V2Adapter

ADAPTERS: tuple[type[Adapter], ...] = (V1Adapter, V2Adapter)


def adapter_for(runner: Any) -> Adapter:
    """The first adapter that fits the runner; raises Unsupported with each one's objection."""
    objections = []
    for adapter in ADAPTERS:
        try:
            return adapter(runner)
        except Unsupported as objection:
            objections.append(f"{adapter.__name__}: {objection}")
    raise Unsupported("; ".join(objections))
