"""Deploys are found in an archive and become annotations, once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from sidecar import archive, config, schema
from sidecar.cli import main
from sidecar.grafana import deploys
from sidecar.grafana.client import Grafana
from sidecar.grafana.differences import differences
from tests.archive.samples import HOUR, START, batch, ids
from tests.grafana.stub import TOKEN, Stub, running


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running() as started:
        yield started


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
    assert "prompt_template v2" in told.output
    assert len(stub.annotations) == 2


def test_differences_are_of_our_fields_alone() -> None:
    assert list(differences({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2], "c": 3}, "d": 4})) == []
    assert list(differences({"a": [1]}, {"a": [1, 2]})) == ["a: 2 items → 1 items"]
    assert list(differences({"a": 1}, {})) == ["a: None → 1"]
    assert next(iter(differences("x" * 200, "y"))).endswith("…")
