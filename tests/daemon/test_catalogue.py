"""The documentation lists exactly what the page can have, with its labels."""

import re
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import sidecar
from sidecar import config, signals, wire
from sidecar.config import Settings
from sidecar.daemon import catalogue
from sidecar.daemon.intake import Intake
from sidecar.daemon.service import Daemon
from tests.daemon.synthetic import Tap

DOCUMENT = Path(sidecar.__file__).parents[1] / "docs" / "metrics.md"
IMPLICIT = {"le", "version", "vllm_version", "runner", "backend", "device"}
ELSEWHERE = ("attention_drift_", "attention_sidecar_drift_", "attention_sidecar_fleet_")
"""What a page has with a baseline, and at the monitor of a fleet."""
IMPLICIT |= {"attention_tap_state", "attention_sidecar_kafka_state"}
KINDS = {"info": "gauge", "stateset": "gauge"}


def busy_page(tmp_path: Path, port: int) -> str:
    """The page of a daemon all of whose parts have something to say."""
    archive, http = config.Archive(path=tmp_path / "archive"), config.Http(port=port)
    metrics = config.Metrics(per_head=True)
    otel = config.Otel(endpoint="http://127.0.0.1:1")
    kafka = config.Kafka(
        bootstrap_servers=["127.0.0.1:1"], client="librdkafka", spill_path=tmp_path / "spill"
    )
    short = config.Daemon(stop_seconds=2)
    settings = Settings(
        archive=archive, http=http, metrics=metrics, otel=otel, kafka=kafka, daemon=short
    )
    daemon = Daemon(settings)
    daemon.start()
    assert isinstance(daemon.source, Intake)
    daemon.source.taps.update(wire.TapStatus.model_validate_json(Tap().status()[1]))
    calibrated = signals.CalibratedHeads("demo", None, 2, ((0, 1),))
    for runner in daemon.runners:
        runner.offer(signals.compute(Tap(layers=[0], heads=2).batch(4), [calibrated]))
    while "written_samples_total" not in daemon.metrics.snapshot() or not all(
        sink["value"] for sink in daemon.metrics.snapshot()["written_samples_total"]
    ):
        time.sleep(0.01)
    for metric in daemon.metrics.described:
        if metric._labelnames:
            metric.labels(*["x"] * len(metric._labelnames))
    page = daemon.page.render("")[0].decode()
    daemon.stop()
    return page


def test_the_page_and_the_documentation_list_the_same(tmp_path: Path, free_port: int) -> None:
    described = {metric.name: metric for metric in catalogue.metrics()}
    found = set()
    for family in text_string_to_metric_families(busy_page(tmp_path, free_port)):
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("process_"):
            continue
        found.add(name)
        metric = described[name]
        assert KINDS.get(metric.kind, metric.kind) == family.type, name
        labels = {label for sample in family.samples for label in sample.labels}
        assert labels - IMPLICIT == set(metric.labels) - IMPLICIT, name
    assert found == {name for name in described if not name.startswith(ELSEWHERE)}


def test_every_metric_has_its_row() -> None:
    rows = re.findall(r"^\| `(attention_\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(metric.name for metric in catalogue.metrics())


def test_metrics_named_in_the_text_exist() -> None:
    known = {metric.name for metric in catalogue.metrics()}
    for file in DOCUMENT.parent.glob("*.md"):
        for name in re.findall(r"`(attention_(?:tap|sidecar)_\w+)`", file.read_text()):
            assert name in known, f"{file.name}: {name}"
