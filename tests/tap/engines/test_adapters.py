"""Adapters refuse runners they cannot read, and say why."""

from types import SimpleNamespace

import pytest
import torch

from sidecar.tap.engines import adapter_for
from sidecar.tap.engines.base import Unsupported
from sidecar.tap.engines.vllm_runner import _NEEDED
from sidecar.tap.engines.vllm_v1 import NEEDED as V1_NEEDED
from sidecar.tap.engines.vllm_v1 import V1Adapter
from sidecar.tap.engines.vllm_v2 import NEEDED as V2_NEEDED
from sidecar.tap.engines.vllm_v2 import V2Adapter


def with_attributes(paths):
    """An object that has these dotted attributes."""
    found = SimpleNamespace()
    for path in paths:
        name, _, rest = path.partition(".")
        inner = [other.partition(".")[2] for other in paths if other.startswith(name + ".")]
        setattr(found, name, with_attributes(inner) if rest else None)
    return found


def runner(needed=V1_NEEDED, device="cpu", **changes):
    found = with_attributes([*_NEEDED, *needed])
    parallel = SimpleNamespace(world_size=1)
    defaults = {
        "device": torch.device(device),
        "speculative_config": None,
        "vllm_config": SimpleNamespace(parallel_config=parallel),
    }
    vars(found).update(defaults | changes)
    return found


def parallel(**values):
    return SimpleNamespace(parallel_config=SimpleNamespace(**{"world_size": 1} | values))


def test_runners_that_fit():
    assert isinstance(adapter_for(runner()), V1Adapter)
    assert isinstance(adapter_for(runner(device="cuda")), V1Adapter)
    assert isinstance(adapter_for(runner(V2_NEEDED, "cuda")), V2Adapter)


def test_the_v2_runner_needs_a_gpu():
    with pytest.raises(Unsupported, match="V2Adapter: no key reader for device cpu"):
        adapter_for(runner(V2_NEEDED, "cpu"))


def test_a_runner_of_another_generation_is_named_with_what_it_lacks():
    with pytest.raises(Unsupported) as refusal:
        adapter_for(runner(input_batch=SimpleNamespace()))
    assert "V1Adapter: SimpleNamespace lacks input_batch.req_id_to_index" in str(refusal.value)
    assert "V2Adapter: SimpleNamespace lacks req_states" in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"speculative_config": object()}, "speculative decoding"),
        ({"vllm_config": parallel(world_size=2)}, "2 ranks"),
        ({"vllm_config": parallel(use_ubatching=True)}, "micro-batches"),
    ],
)
@pytest.mark.parametrize("needed", [V1_NEEDED, V2_NEEDED])
def test_what_was_never_tried_is_refused(needed, changes, complaint):
    with pytest.raises(Unsupported, match=complaint):
        adapter_for(runner(needed, "cuda", **changes))
