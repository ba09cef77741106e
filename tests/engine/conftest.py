"""Engines shared by the tests of this folder; one starts in about ten seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import local, model, server


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def reference(model_dir: Path) -> Any:
    return model.reference(model_dir)


@pytest.fixture(scope="session")
def tight_engine(model_dir: Path) -> local.LocalEngine:
    """Float32, prompts in chunks of at most 96 tokens, and a cache too small for four requests."""
    return local.start(
        model_dir,
        max_num_batched_tokens=96,
        max_num_seqs=8,
        num_gpu_blocks_override=13,
        enable_prefix_caching=True,
    )


@pytest.fixture
def engine(tight_engine: local.LocalEngine) -> Iterator[local.LocalEngine]:
    tight_engine.listen()
    yield tight_engine
    assert not tight_engine.tap.guard.tripped


@pytest.fixture(scope="session")
def served(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """vLLM's API server with the tap; prompts in chunks of 512 tokens."""
    folder = tmp_path_factory.mktemp("vllm")
    with server.serve(model_dir, folder, "--max-num-batched-tokens", "512") as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The engine's own warnings are not ours to mend; ours stay errors."""
    for item in items:
        if "tests/engine/" in str(item.path):
            for module in ("torch", "vllm", "transformers", "zmq", "multiprocessing", "importlib"):
                item.add_marker(pytest.mark.filterwarnings(rf"ignore:::{module}(\.|$)"))
            item.add_marker(pytest.mark.engine)
