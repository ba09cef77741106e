"""Renders benchmarks/results/*.json between ``<!-- figures:NAME -->`` and ``<!-- /figures -->``.

``python -m benchmarks.render`` writes README and docs; with ``--check`` it only compares.
"""

import sys
from pathlib import Path

from benchmarks.report import read, table
from tools import blocks

RESULTS = Path(__file__).parent / "results"


def figures(name: str, results: Path = RESULTS) -> str:
    """The table of one benchmark and the machine it ran on. Raises FileNotFoundError."""
    report, device = read(results / f"{name}.json")
    return f"{table(report.figures)}\n\nMeasured by `benchmarks/{name}.py` on {device}."


if __name__ == "__main__":
    sys.exit(blocks.main("figures", figures, sys.argv[1:], blocks.documents()))
