"""What an alert is told from the archive: what is new, what moved most, and which requests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sidecar import config, schema, signals
from sidecar.archive import Writer
from sidecar.drift import FLEET, Alert, Explanation, explanation, stored
from sidecar.drift.archived import MOST_TRACES
from tests.daemon.drift.test_alertmanager import alert
from tests.daemon.synthetic import Tap, batch_of

SINCE = datetime(2026, 11, 26, 6, 10, tzinfo=UTC)


def samples(
    moment: datetime, share: float, tags: list[tuple[str, str]], *, route: str | None = "search"
) -> pa.RecordBatch:
    """A hundred, a second apart, all of one context share, also by layer."""
    tap, rows = Tap(layers=[2, 7], heads=2, documents=2), []
    for number in range(100):
        time = moment + timedelta(seconds=number)
        each = [*tags, ("session", f"s{number}")]
        rows.append(tap.sample(time=time, tags=each, route=route, model_revision="r1"))
    batch = signals.compute(batch_of(rows))
    given: dict[str, Any] = {
        "context_share": pa.array([share + number / 1e4 for number in range(100)], pa.float32()),
        "layer_context_share": pa.array([[share, 0.5]] * 100, pa.list_(pa.float32())),
    }
    columns = [given.get(name, batch.column(name)) for name in schema.RECORD.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema.RECORD)


def archived(folder: Path, *batches: pa.RecordBatch) -> Path:
    writer = Writer(config.Archive(path=folder))
    for batch in batches:
        writer.append(batch)
    writer.close()
    return folder


def explain(found: Alert, folder: Path) -> Explanation:
    return explanation(found, stored(found, folder))


def fallen(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "signal": "context_share",
        "model_name": "demo",
        "route": "search",
        "since": SINCE,
    }
    return alert(**given | {"raised": SINCE + timedelta(minutes=2)} | changes)


@pytest.mark.parametrize("earlier", [timedelta(minutes=2), timedelta(minutes=40)])
def test_what_is_new_comes_first_then_what_moved_most(tmp_path: Path, earlier: timedelta) -> None:
    before = samples(SINCE - earlier, 0.5, [("retriever", "v1"), ("tenant", "a")])
    after = samples(SINCE, 0.2, [("retriever", "v2"), ("tenant", "a")])
    found = explain(fallen(), archived(tmp_path, before, after))
    assert [(one.kind, one.name) for one in found.details[:1]] == [("new", "retriever=v2")]
    assert found.details[0].before == pytest.approx(0.505, abs=1e-3)
    assert found.details[0].after == pytest.approx(0.205, abs=1e-3)
    moved = {(one.kind, one.name): one.after - one.before for one in found.details}
    assert moved["layer", "2"] == pytest.approx(-0.3, abs=1e-3)
    assert not {("new", "tenant=a"), ("tag", "tenant=a")} & set(moved)
    assert not [name for _, name in moved if name.startswith("session")]
    first = after.column("trace_id").to_pylist()[:MOST_TRACES]
    assert list(found.traces) == first


def test_what_is_new_is_found_though_the_change_is_thought_to_be_later(tmp_path: Path) -> None:
    before = samples(SINCE - timedelta(minutes=30), 0.5, [("retriever", "v1")])
    after = samples(SINCE - timedelta(seconds=20), 0.2, [("retriever", "v2")])
    found = explain(fallen(), archived(tmp_path, before, after))
    assert found.details[0][:2] == ("new", "retriever=v2")


def test_what_is_new_is_found_though_the_change_is_thought_to_be_earlier(tmp_path: Path) -> None:
    old = [samples(SINCE - timedelta(minutes=far), 0.5, [("retriever", "v1")]) for far in (9, 0)]
    after = samples(SINCE + timedelta(seconds=100), 0.2, [("retriever", "v2")])
    told = fallen(raised=SINCE + timedelta(seconds=160))
    found = explain(told, archived(tmp_path, *old, after))
    assert found.details[0][:2] == ("new", "retriever=v2")
    assert found.details[0].after < 0.3


def test_a_new_revision_is_told(tmp_path: Path) -> None:
    before, after = samples(SINCE - timedelta(minutes=3), 0.5, []), samples(SINCE, 0.2, [])
    place = schema.RECORD.get_field_index("model_revision")
    after = after.set_column(place, schema.RECORD.field(place), pa.array(["r2"] * 100))
    found = explain(fallen(), archived(tmp_path, before, after))
    assert found.details[0][:2] == ("new", "model_revision=r2")


def test_other_routes_are_left_out_but_for_the_alert_on_all(tmp_path: Path) -> None:
    before = samples(SINCE - timedelta(minutes=3), 0.5, [("retriever", "v1")])
    after = samples(SINCE, 0.2, [("retriever", "v2")], route=None)
    archived(tmp_path, before, after)
    assert explain(fallen(), tmp_path).details == ()
    assert explain(fallen(route=FLEET), tmp_path).details[0].name == "retriever=v2"
    assert len(explain(fallen(route=""), tmp_path).traces) == MOST_TRACES


def test_without_samples_nothing_is_made_up(tmp_path: Path) -> None:
    assert explain(fallen(), archived(tmp_path, samples(SINCE, 0.2, []))).details == ()
    with pytest.raises(FileNotFoundError):
        explain(fallen(), tmp_path / "nowhere")
