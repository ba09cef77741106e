"""The loss plot: a picture, for long runs and short ones."""

from pathlib import Path

import pytest
from matplotlib import image

from sidecar.demo import plot
from sidecar.demo.curriculum import GROUNDED


@pytest.mark.parametrize("steps", [1, 5, 300])
def test_losses_are_drawn(tmp_path: Path, steps: int) -> None:
    file = tmp_path / "loss.png"
    plot.draw([5.0 / (n + 1) for n in range(steps)], GROUNDED, file)
    pixels = image.imread(file)
    assert pixels.shape[1] > 2 * pixels.shape[0]
    assert pixels[..., :3].min() < 0.5
