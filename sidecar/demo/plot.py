"""The loss of a training run, drawn for its model card."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sidecar.demo.curriculum import Curriculum

_SMOOTHED_STEPS = 20


def draw(losses: Sequence[float], curriculum: Curriculum, file: Path) -> None:
    """Write the loss of each step, nats, with its running mean and the stages' borders, as PNG."""
    values = np.asarray(losses)
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(1, len(values) + 1), values, color="0.8", linewidth=0.5)
    width = min(_SMOOTHED_STEPS, len(values))
    mean = np.convolve(values, np.ones(width) / width, mode="valid")
    axes.plot(np.arange(width, len(values) + 1), mean, color="tab:blue")
    start = 0.0
    for stage in curriculum.stages:
        axes.axvline(start, color="0.6", linewidth=0.8, linestyle=":")
        axes.annotate(
            stage.name,
            (start, 1),
            xycoords=("data", "axes fraction"),
            rotation=90,
            va="top",
            fontsize="x-small",
        )
        start += stage.steps * len(values) / curriculum.steps
    axes.set(xlabel="step", ylabel="loss (nats)", yscale="log")
    figure.savefig(file, dpi=110, metadata={"Software": None})
