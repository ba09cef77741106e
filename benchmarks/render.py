"""Renders benchmarks/results/*.json between ``<!-- figures:NAME -->`` and ``<!-- /figures -->``.

``python -m benchmarks.render`` writes README and docs; with ``--check`` it only compares.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import drift_tables, side_by_side
from benchmarks.report import Report, read, table
from tools import blocks

RESULTS = Path(__file__).parent / "results"


SHORT = {
    "serving_overhead": r"(throughput_lost|tap_share)_.*|itl_p99_added_pct_rate_10(_demo)?"
    r"|tap_ms_per_sample",
    "hf_baseline": r"(total|cost)_ratio.*|tap_default_us_per_token",
    "grounding": r"auroc(_mean_share|_copy_rate|_lookback_ratio|_entropy_ratio|_length_only"
    r"|_calibrated_context_share|_retrieval_rate|_text_overlap|_same_subjects_grounding_score)?"
    r"|.*_exact(_\d+_documents)?|unanswerable_refused",
    "archive_query": r"seconds_50m|time_ratio",
    "drift_false_alarms": r"false_alarms_per_.*_worst|promised|.*_at_run_length_1e6",
    "drift_delay": r"p90_requests_hit_\d+|ratio_to_oracle|told_over_too_early",
    "kafka_throughput": r"records_per_s_.*|(stored_)?bytes_per_record_.*",
}
"""Figures of a block named ``NAME-short``; all others stand where the block is named ``NAME``."""

WHOLE: dict[str, Callable[[Report], str]] = {
    "demo_changes": side_by_side.table,
    "drift_false_alarms": drift_tables.false_alarms,
    "drift_delay": drift_tables.delays,
}
"""Benchmarks whose figures stand in a table of their own; those of `SHORT` only where not short."""


def figures(block: str, results: Path = RESULTS) -> str:
    """The table of one benchmark and the machine it ran on. Raises FileNotFoundError."""
    name, _, short = block.partition("-")
    report, device = read(results / f"{name}.json")
    return f"{_table(report, short)}\n\nMeasured by `benchmarks/{name}.py` on {device}."


def _table(report: Report, short: str) -> str:
    if report.benchmark in WHOLE and not (short and report.benchmark in SHORT):
        return WHOLE[report.benchmark](report)
    wanted = re.compile(SHORT[report.benchmark] if short else ".*")
    return table({key: one for key, one in report.figures.items() if wanted.fullmatch(key)})


if __name__ == "__main__":
    sys.exit(blocks.main("figures", figures, sys.argv[1:], blocks.documents()))
