"""For each alert, series on which it fires and series on which it must stay silent."""

from tests.dashboards.cases import drift, losses, measuring, watching
from tests.dashboards.cases.case import Case, Series

__all__ = ["CASES", "Case", "Series"]

CASES = {**drift.CASES, **watching.CASES, **measuring.CASES, **losses.CASES}
