"""Hourly percentiles of one route over a week of 50 million samples' scalar signals.

``--data DIR`` keeps the archive (some 4 GB) for another run; ``--samples N`` makes a smaller week.
Each design gives the 10th, 50th and 90th percentile of ``context_share`` for each hour; caches are
warm. The baseline reads the same columns with pyarrow, hour by hour, and asks numpy.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks import archive_week
from benchmarks.report import Figure, Report, paired, parser
from sidecar import archive
from sidecar.archive.queries import HOURLY_PERCENTILES

ROUTE = archive_week.ROUTE
SHARES = [0.1, 0.5, 0.9]
CORES = 2
ROUNDS = 4

Clock = Callable[[], float]
Answer = npt.NDArray[np.float64]
"""[hour, percentile]"""

AGGREGATE = """
SELECT q[1] AS p10, q[2] AS p50, q[3] AS p90 FROM (
    SELECT date, hour, {aggregate}(context_share, {shares}) AS q
    FROM samples WHERE route = '{route}' GROUP BY ALL ORDER BY ALL)
"""

HISTOGRAM = HOURLY_PERCENTILES.substitute(signal="context_share", route=ROUTE)
VALUE_COUNTS = HISTOGRAM.replace("round(context_share * 1024)::USMALLINT", "context_share")
HOURS_VIEW = f"""
SELECT context_share_p10 AS p10, context_share_p50 AS p50, context_share_p90 AS p90
FROM hours WHERE route = '{ROUTE}' ORDER BY date, hour
"""

DESIGNS = {
    "histogram": HISTOGRAM,
    "value_counts": VALUE_COUNTS.replace("/ 1024", ""),
    "quantile_cont": AGGREGATE.format(aggregate="quantile_cont", shares=SHARES, route=ROUTE),
    "approx_quantile": AGGREGATE.format(aggregate="approx_quantile", shares=SHARES, route=ROUTE),
    "hours_view": HOURS_VIEW,
}


def ask(week: archive.Archive, query: str) -> Answer:
    """Percentiles by DuckDB."""
    table = week.sql(query).to_arrow_table()
    return np.stack([table[name].to_numpy().astype(float) for name in ("p10", "p50", "p90")], 1)


def ask_numpy(week: archive.Archive) -> Answer:
    """Percentiles by pyarrow and numpy: the baseline."""
    route = ds.field("route") == ROUTE
    fragments: dict[str, list[str]] = {}
    for file in week.files:
        fragments.setdefault(str(file.parent), []).append(str(file))
    hours = sorted(fragments, key=_moment)
    return np.stack([_percentiles(fragments[hour], route) for hour in hours])


def _moment(folder: str) -> tuple[str, int]:
    date, hour = Path(folder).parts[-2:]
    return date, int(hour.removeprefix("hour="))


def _percentiles(files: list[str], route: ds.Expression) -> Answer:
    table = ds.dataset(files).to_table(columns=["context_share"], filter=route)
    return np.asarray(np.quantile(table["context_share"].to_numpy(), SHARES))


def timed(work: Callable[[], Answer], clock: Clock = time.perf_counter) -> Callable[[], float]:
    """The work's seconds."""

    def measure() -> float:
        start = clock()
        work()
        return clock() - start

    return measure


def measure(week: archive.Archive) -> dict[str, Figure]:
    """Every design once checked against numpy, and then timed."""
    by_numpy, by_histogram = partial(ask_numpy, week), partial(ask, week, HISTOGRAM)
    exact = by_numpy()
    pair = paired(timed(by_numpy), timed(by_histogram), rounds=ROUNDS)
    processor = timed(by_histogram, time.process_time), timed(by_numpy, time.process_time)
    figures = {
        "seconds_50m": Figure(pair.second, "s", baseline=pair.first, goal=2.0),
        "time_ratio": Figure(pair.ratio, "of the baseline's time", spread=pair.spread),
        "processor_seconds_50m": Figure(processor[0](), "s", baseline=processor[1]()),
    }
    for name, query in DESIGNS.items():
        work = partial(ask, week, query)
        error = float(np.abs(work() - exact).max())
        seconds = median(timed(work)() for _ in range(ROUNDS))
        figures[f"seconds_50m_{name}"] = Figure(seconds, "s")
        figures[f"error_{name}"] = Figure(error, "share")
    return figures


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="Folder of the archive; made when missing.")
    options.add_argument("--samples", type=int, default=50_000_000)
    given = options.parse_args()
    pa.set_cpu_count(CORES)
    with ExitStack() as stack:
        folder = given.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not any(folder.glob("date=*")):
            archive_week.write(folder, given.samples)
        week = archive.open(folder)
        Report("archive_query", measure(week)).finish(given.json)


if __name__ == "__main__":
    main()
