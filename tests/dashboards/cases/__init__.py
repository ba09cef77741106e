"""For each alert, series on which it fires and series on which it must stay silent."""

from tests.dashboards.cases import burning, drift, few, fleet, lasting, losses, measuring, watching
from tests.dashboards.cases.case import Case, Series

__all__ = ["CASES", "FURTHER", "Case", "Series"]

CASES = {**drift.CASES, **watching.CASES, **measuring.CASES, **losses.CASES, **fleet.CASES}
FURTHER = {**lasting.FURTHER, **few.FURTHER, **fleet.FURTHER, **burning.FURTHER}
"""Histories that are easily judged wrong, by the alert and what happens."""
