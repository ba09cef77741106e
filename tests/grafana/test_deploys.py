"""Deploys are found in an archive and become annotations, once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from sidecar import archive, config, schema
from sidecar.cli import main
from sidecar.grafana import deploys
from sidecar.grafana.client import Grafana
from tests.archive.samples import HOUR, START, batch, ids
from tests.grafana.stub import TOKEN, Stub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Revision a, then b; template v1 throughout, then v2."""
    writer = archive.Writer(config.Archive(path=tmp_path))
    for hour, revision, template in ((0, "a", "v1"), (1, "b", "v1"), (2, "b", "v2")):
        rows = batch(ids(3, f"{hour}"), time=START + hour * HOUR).to_pylist()
        for row in rows:
            row |= {"model_revision": revision, "tags": [("prompt_template", template)]}
        writer.append(pa.RecordBatch.from_pylist(rows, schema=schema.RECORD))
    writer.close()
    return tmp_path


def test_each_version_after_the_first_is_a_deploy(folder: Path) -> None:
    found = deploys.seen(folder)
    assert [(one.what, one.version) for one in found] == [("model", "b"), ("prompt_template", "v2")]
    assert found[0].time == datetime.fromtimestamp((START + HOUR) / 1e6, UTC)
    assert found[0].tags == [deploys.TAG, "model:b", "model_name:placeholder"]


def test_annotations_are_written_once(folder: Path, stub: Stub) -> None:
    grafana = Grafana(stub.url, TOKEN)
    found = deploys.seen(folder)
    assert deploys.publish(grafana, found, dry_run=True) == found
    assert stub.annotations == []
    assert deploys.publish(grafana, found, dry_run=False) == found
    assert deploys.publish(grafana, found, dry_run=False) == []
    assert [one["time"] for one in stub.annotations] == [
        (START + HOUR) // 1000,
        (START + 2 * HOUR) // 1000,
    ]
    grafana.close()


def rows(versions: str, *, start: int = 0, route: str = "support") -> list[dict[str, Any]]:
    """A request a second, its template named by a letter."""
    [row] = batch(ids(1, "x")).to_pylist()
    return [
        row
        | {
            "record_id": f"{route}-{start + place}",
            "request_id": f"{route}-{start + place}",
            "time": datetime.fromtimestamp(START / 1e6 + start + place, UTC),
            "route": route,
            "model_revision": "a",
            "tags": [("prompt_template", version)],
        }
        for place, version in enumerate(versions)
    ]


def templates(folder: Path, *parts: list[dict[str, Any]]) -> list[tuple[str, int, bool]]:
    writer = archive.Writer(config.Archive(path=folder))
    for part in parts:
        writer.append(pa.RecordBatch.from_pylist(part, schema=schema.RECORD))
    writer.close()
    return [
        (one.version, round(one.time.timestamp() - START / 1e6), one.again)
        for one in deploys.seen(folder)
    ]


def test_a_rollback_is_a_deploy(tmp_path: Path) -> None:
    found = templates(tmp_path, rows("a" * 50 + "b" * 100 + "a" * 5))
    assert found == [("b", 50, False), ("a", 150, True)]


def test_a_roll_out_that_alternates_is_one_deploy(tmp_path: Path) -> None:
    assert templates(tmp_path, rows("a" * 50 + "ab" * 40 + "b" * 98 + "a")) == [("b", 51, False)]


def test_routes_with_a_template_each_do_not_take_turns(tmp_path: Path) -> None:
    busy, rare = rows("a" * 300), rows("b", start=150, route="sales")
    late = rows("b", start=290, route="sales")
    assert templates(tmp_path, busy, rare, late) == [("b", 150, False)]


def test_a_rollback_of_several_routes_is_one_deploy(tmp_path: Path) -> None:
    story = "a" * 50 + "b" * 100 + "a" * 5
    both = [rows(story), rows(story, start=1, route="sales")]
    assert templates(tmp_path, *both) == [("b", 50, False), ("a", 150, True)]


def test_a_version_that_comes_back_is_marked_beside_its_first_mark(
    tmp_path: Path, stub: Stub, grafana: Grafana
) -> None:
    hours = [rows(one * 100, start=3600 * 2 * hour) for hour, one in enumerate("abab")]
    templates(tmp_path, *hours)
    found = deploys.seen(tmp_path)
    assert deploys.publish(grafana, found, dry_run=False) == found
    assert deploys.publish(grafana, found, dry_run=False) == []
    assert [one["text"][-11:].strip() for one in stub.annotations] == [
        "first seen",
        "seen again",
        "seen again",
    ]


def test_an_annotation_is_not_sent_twice_when_the_answer_is_an_error(stub: Stub) -> None:
    grafana = Grafana(stub.url, TOKEN, wait=lambda _: pytest.fail("it was tried again"))
    stub.failures = [500]
    with pytest.raises(RuntimeError, match="500"):
        grafana.post("/annotations", {"tags": []}, repeatable=False)
    grafana.close()


def test_the_command(folder: Path, stub: Stub) -> None:
    command = ["grafana", "deploys", "--url", stub.url, "--archive", str(folder)]
    told = CliRunner(env={"GRAFANA_TOKEN": TOKEN}).invoke(main, command, catch_exceptions=False)
    assert told.exit_code == 0
    assert "prompt_template v2 of placeholder first seen" in told.output
    assert told.output.endswith("2 deploys in the archive, 2 not marked before\n")
    assert len(stub.annotations) == 2
    again = CliRunner(env={"GRAFANA_TOKEN": TOKEN}).invoke(main, command, catch_exceptions=False)
    assert again.output == "2 deploys in the archive, 0 not marked before\n"


def test_an_archive_that_is_not_there_is_told(tmp_path: Path, stub: Stub) -> None:
    for folder in (tmp_path / "nowhere", _broken(tmp_path)):
        command = ["grafana", "deploys", "--url", stub.url, "--archive", str(folder)]
        told = CliRunner(env={"GRAFANA_TOKEN": TOKEN}).invoke(main, command, catch_exceptions=False)
        assert told.exit_code == 1
        assert told.output.startswith("Error: --archive: ")
        assert str(folder) in told.output


def _broken(folder: Path) -> Path:
    hour = folder / "broken/date=2026-11-18/hour=11"
    hour.mkdir(parents=True)
    (hour / "part-1.parquet").write_bytes(b"nonsense")
    return folder / "broken"
