"""The optimisers of the bundled models: Muon for matrices, AdamW for embeddings and norms."""

import torch
from torch.optim import AdamW, Muon, Optimizer
from transformers import LlamaForCausalLM

MATRIX_RATE, VECTOR_RATE = 0.02, 3e-3
WARM_UP_STEPS = 30


class Optimisers:
    """Both optimisers as one, with a warm-up."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in chosen]
        self._rates = (MATRIX_RATE, VECTOR_RATE)
        self._both: tuple[Optimizer, Optimizer] = (
            Muon(matrices, lr=MATRIX_RATE, momentum=0.95, weight_decay=0.0),
            AdamW(others, lr=VECTOR_RATE, betas=(0.9, 0.98), weight_decay=0.0),
        )

    def step(self, done: int, factor: float) -> None:
        """Apply the gradients of step number ``done`` at ``factor`` of the rates and clear them."""
        factor *= min(1.0, (done + 1) / WARM_UP_STEPS)
        for optimiser, rate in zip(self._both, self._rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The optimisers' memory by name, for a checkpoint."""
        return {
            f"{which}.{index}.{name}": value
            for which, optimiser in enumerate(self._both)
            for index, memory in optimiser.state_dict()["state"].items()
            for name, value in memory.items()
        }

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what `tensors` gave."""
        states: tuple[dict[int, dict[str, torch.Tensor]], ...] = ({}, {})
        for key, value in tensors.items():
            which, index, name = key.split(".")
            states[int(which)].setdefault(int(index), {})[name] = value
        for optimiser, state in zip(self._both, states, strict=True):
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})
