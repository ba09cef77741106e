"""Names of the engine, from its configuration: the same for every runner generation."""

from typing import Any

from sidecar.tap.engines.base import Identity


def describe(runner: Any) -> Identity:
    """Names as vLLM's own metrics give them."""
    import vllm

    config = runner.vllm_config
    served = config.model_config.served_model_name
    return Identity(
        engine=str(getattr(config.parallel_config, "data_parallel_index", 0)),
        rank=int(config.parallel_config.rank),
        model_name=served[0] if isinstance(served, list) else str(served),
        model_revision=config.model_config.revision,
        vllm_version=vllm.__version__,
        runner=f"{type(runner).__module__}.{type(runner).__name__}",
        device=str(runner.device),
        max_requests=int(config.scheduler_config.max_num_seqs),
    )


def backend_name(module: Any) -> str:
    """The attention back end of a layer."""
    return str(module.attn_backend.get_name())
