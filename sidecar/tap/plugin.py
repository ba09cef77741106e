"""Entry point of the vLLM plugin: attaches a tap to each worker's model runner."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from sidecar import config
from sidecar.tap.switch import enabled

logger = logging.getLogger("attention_sidecar.tap")

_MARK = "_attention_sidecar"


def register() -> None:
    """Called by vLLM in every process; hooks only where a worker is made, and only once."""
    if not enabled():
        logger.info("attention tap: off by ATTENTION_TAP")
        return
    from vllm.v1.worker.worker_base import WorkerWrapperBase

    if hasattr(WorkerWrapperBase.init_device, _MARK):
        return
    original = WorkerWrapperBase.init_device

    @functools.wraps(original)
    def init_device(self: Any) -> Any:
        result = original(self)
        if enabled():
            _safely(attach, self.worker)
        return result

    setattr(init_device, _MARK, True)
    WorkerWrapperBase.init_device = init_device


def attach(worker: Any) -> None:
    """Hook a worker; the tap starts when its cache is allocated. Raises what is wrong."""
    from sidecar.tap.hooks import Hooks

    settings = config.load()
    Hooks(worker, settings).install()


def _safely(work: Callable[..., Any], *args: Any) -> None:
    """Serving goes on without a tap when it cannot be attached; the log says why."""
    try:
        work(*args)
    except Exception:
        logger.exception("attention tap: not attached, nothing will be measured")
