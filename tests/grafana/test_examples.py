"""Examples in docstrings hold."""

import doctest
from types import ModuleType

import pytest

from dashboards import queries
from sidecar.grafana import addresses, boards, differences
from sidecar.grafana.preview import choice, units


@pytest.mark.parametrize(
    "module", [addresses, boards, differences, choice, units, queries], ids=lambda one: one.__name__
)
def test_an_example_says_what_comes(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert outcome.failed == 0
