"""Every metric that a query may name, with its labels: ours, vLLM's, Prometheus's, recorded."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from dashboards.rules.records import records
from sidecar.daemon import catalogue

VLLM_FILE = Path(__file__).with_name("vllm-metrics.txt")
"""A name and its labels on each line, as vLLM 0.32 publishes them."""
_PROCESS = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
)
_PARTS = {
    "histogram": (("_bucket", ("le",)), ("_sum", ()), ("_count", ())),
    "stateset": (("", ("",)),),
}


class UnknownMetric(KeyError):
    """A query names a metric that nobody publishes."""


@cache
def ours() -> Mapping[str, frozenset[str]]:
    """Labels of all that the daemon publishes, by name on the page."""
    found = dict(_published())
    found.update({name: frozenset() for name in _PROCESS})
    return found


@cache
def vllm() -> Mapping[str, frozenset[str]]:
    """Labels of vLLM's own metrics that queries use, by name on its page."""
    lines = (line.split() for line in VLLM_FILE.read_text().splitlines())
    return {name: frozenset(labels) for name, *labels in lines}


@cache
def recorded() -> Mapping[str, frozenset[str]]:
    """What our recording rules make of them, with the labels beside job and instance."""
    return {one.name: _kept(one.plain or one.expr) - {"job", "instance"} for one in records()}


def labels_of(name: str) -> frozenset[str]:
    """The labels of a metric, without those that a scrape adds. Raises UnknownMetric."""
    for known in (ours(), vllm(), recorded(), {"up": frozenset[str]()}):
        if name in known:
            return known[name]
    raise UnknownMetric(f"{name}: neither in docs/metrics.md nor in {VLLM_FILE.name}")


def _kept(expr: str) -> frozenset[str]:
    """Labels that an expression sums by: the same ones throughout, in a record."""
    [labels] = {*re.findall(r"\bby \(([^)]+)\)", expr)}
    return frozenset(labels.split(", "))


def _published() -> Iterator[tuple[str, frozenset[str]]]:
    for metric in catalogue.metrics():
        for suffix, more in _PARTS.get(metric.kind, (("", ()),)):
            further = (label or metric.name for label in more)
            yield metric.name + suffix, frozenset((*metric.labels, *further))
