import pytest

from sidecar.tap.layers import UnknownLayer, choose


@pytest.mark.parametrize(
    ("setting", "depth", "expected"),
    [
        ("auto", 3, [0, 1, 2]),
        ("auto", 8, [2, 4, 5, 7]),
        ("auto", 80, [26, 44, 61, 79]),
        ("all", 3, [0, 1, 2]),
        ("every:4", 10, [0, 4, 8]),
        ([3, 1, 3], 4, [1, 3]),
    ],
)
def test_choice(setting, depth, expected):
    assert choose(setting, range(depth)) == expected


def test_layers_of_another_kind_are_not_chosen():
    assert choose("every:2", [1, 3, 5, 7]) == [1, 5]


def test_an_unknown_layer_is_named():
    with pytest.raises(UnknownLayer, match=r"no layers \[9\], the model has \[0, 1\]"):
        choose([0, 9], range(2))
