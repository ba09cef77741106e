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
from sidecar.grafana.preview.looks import MOST

SPAN = Span(0.0, 600.0, 60.0)
GREY, GREEN = "#7f8790", "#73bf69"
[OVERVIEW] = [board for board in boards() if board.uid == "attention-overview"]
STATS = [
    pytest.param(panel, id=f"{board.uid}: {panel['title']}")
    for board in boards()
    for panel in board.panels()
    if panel["type"] == "stat"
]


def line(name, *points):
    times, values = np.array(points, dtype=float).T
    return Series("A", name, {}, times, values)


def drawn(panel, *series, **of_the_dashboard):
    axes = Figure().add_subplot()
    draw(panel, Data(SPAN, [*series], **of_the_dashboard), axes)
    return axes


def told_apart(axes):
    """Colours and dashes; of dashes, those in points and not in widths of a line."""
    return [(one.get_color(), one.get_linestyle(), str(one._dash_pattern)) for one in axes.lines]


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


@pytest.mark.parametrize("before", [0, 3, 20])
def test_no_two_lines_of_a_panel_look_alike(before: int) -> None:
    places = {f"elsewhere {number}": number for number in range(before)}
    names = [*places, *(f"here {number}" for number in range(MOST - before))][::-1]
    axes = drawn(over_time(), *(line(name, (0, 1), (60, 1)) for name in names), places=places)
    assert len(set(told_apart(axes))) == len(names) == MOST


def test_a_name_has_one_colour_on_all_of_a_dashboard_and_few_lines_no_dashes() -> None:
    places: dict[str, int] = {}
    panels = [[f"{panel}.{number}" for number in range(7)] + ["shop"] for panel in range(9)]
    looks = [
        told_apart(
            drawn(over_time(), *(line(one, (0, 1), (60, 1)) for one in names), places=places)
        )
        for names in reversed([*panels, ["shop"]])
    ]
    assert {one[-1] for one in looks} == {looks[0][0]}
    assert {dash for panel in looks for _, dash, _ in panel} == {"-"}


def test_what_has_no_room_in_a_table_is_counted() -> None:
    [panel] = [one for one in OVERVIEW.panels() if one["title"] == "Open alarms"]
    lines = [
        Series("A", "", {"route": f"r{number}"}, np.array([0.0]), np.array([1.0]))
        for number in range(30)
    ]
    for count, last in ((9, "r8"), (10, "and 2 more"), (30, "and 22 more")):
        [table] = drawn(panel, *lines[:count]).tables
        cells = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
        assert max(row for row, _ in cells) == 9
        assert cells[9, 0] == last


def test_bars_that_have_no_room_are_counted() -> None:
    panel = {"type": "bargauge", "fieldConfig": {"defaults": {"unit": "short"}}}
    axes = drawn(panel, *(line(f"{number}", (0, number)) for number in range(20)))
    assert axes.get_xlabel() == "and 4 more, nearer to 0"
    assert drawn(panel, *(line(f"{one}", (0, one)) for one in range(16))).get_xlabel() == ""
