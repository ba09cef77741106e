"""What a preview draws of a panel: what Grafana would, also where data are lacking."""

import math

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sidecar.grafana.boards import boards
from sidecar.grafana.preview.draw import draw
from sidecar.grafana.preview.fetch import Data, Series, Span

SPAN = Span(0.0, 600.0, 60.0)
GREY, GREEN = "#7f8790", "#73bf69"
STATS = [
    pytest.param(panel, id=f"{board.uid}: {panel['title']}")
    for board in boards()
    for panel in board.panels()
    if panel["type"] == "stat"
]


def line(name, *points):
    times, values = np.array(points, dtype=float).T
    return Series("A", name, {}, times, values)


def drawn(panel, *series):
    axes = Figure().add_subplot()
    draw(panel, Data(SPAN, [*series]), axes)
    return axes


def over_time(**custom):
    defaults = {"unit": "short", "noValue": "not measured", "custom": custom}
    return {"type": "timeseries", "fieldConfig": {"defaults": defaults, "overrides": []}}


@pytest.mark.parametrize("panel", STATS)
def test_a_number_that_is_lacking_is_on_grey(panel) -> None:
    axes = drawn(panel)
    assert to_hex(axes.get_facecolor()) == GREY
    assert [text.get_text() for text in axes.texts] == [panel["fieldConfig"]["defaults"]["noValue"]]


def test_without_a_mapping_it_is_on_the_lowest_thresholds_colour_as_in_grafana() -> None:
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
    defaults = {"unit": "short", "noValue": "not measured", "thresholds": {"steps": steps}}
    axes = drawn({"type": "stat", "fieldConfig": {"defaults": defaults}})
    assert to_hex(axes.get_facecolor()) == GREEN


def test_a_time_without_data_is_a_gap_in_the_line() -> None:
    axes = drawn(over_time(), line("a", (0, 1), (60, 1), (240, 2), (300, 2)))
    values = axes.lines[0].get_ydata()
    np.testing.assert_array_equal(values, [1, 1, math.nan, math.nan, 2, 2])


def test_a_layer_of_a_stack_ends_where_its_data_end() -> None:
    below = line("below", (0, 1), (60, 1), (120, 1))
    above = line("above", (0, 2), (60, 2), (120, 2), (180, 2), (240, 2), (300, 2))
    axes = drawn(over_time(stacking={"mode": "normal"}), below, above)
    layers = [one for one in axes.collections if isinstance(one, PolyCollection)]
    ends = [one.get_paths()[0].get_extents() for one in layers]
    assert [round(end.x1 * 86_400) for end in ends] == [120, 300]
    assert [end.y1 for end in ends] == [1, 3]
    assert ends[1].y0 == 0, "above nothing it stands on the ground"


def test_rows_of_a_heatmap_that_are_heads_are_in_the_order_of_their_numbers() -> None:
    panel = {"type": "heatmap", "targets": [{}], "fieldConfig": {"defaults": {"unit": "short"}}}
    names = ["3/10", "3/2", "10/1", "3/1"]
    axes = drawn(panel, *(line(name, (0, 1), (60, 1)) for name in names))
    assert [one.get_text() for one in axes.get_yticklabels()] == ["3/1", "3/2", "3/10", "10/1"]
