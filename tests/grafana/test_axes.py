"""The time axis of previews."""

import numpy as np
import pytest
from matplotlib.dates import num2date
from matplotlib.figure import Figure

from sidecar.grafana.preview.axes import dates, time_axis
from sidecar.grafana.preview.fetch import Data, Span

NOON = 1_795_003_200.0


@pytest.mark.parametrize("seconds", [30, 170, 290, 360, 3600, 7000, 90_000, 7_776_000])
def test_a_span_of_any_length_has_a_few_ticks(seconds: int) -> None:
    axes = Figure().subplots()
    time_axis(Data(Span(NOON - seconds, NOON), marks=[NOON - seconds / 2, 0.0]), axes)
    assert 2 <= len(axes.get_xticks()) <= 10
    assert len(axes.lines) == 1, "a mark outside the span is not drawn"


def test_dates_are_those_of_matplotlib() -> None:
    [found] = dates(np.array([NOON]))
    assert num2date(found).timestamp() == pytest.approx(NOON)
