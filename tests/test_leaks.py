"""The search for leaked text finds what is planted, wherever it may be stored."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from sidecar import archive, config, signals
from sidecar.daemon.sinks.kafka import encode
from sidecar.daemon.sinks.kafka.messages import ARROW, pack
from sidecar.daemon.sinks.kafka.spill import Spill
from tests import leaks
from tests.daemon.synthetic import Tap, batch_of

SECRET = 4 * "The price of the Aldora lamp is 42 crowns; zanzibar-plum-7741 is the secret word. "
PARTS = (b"zanzibar", b"plum-7741", b"Aldora", b"crowns")


@pytest.fixture(params=["tag", "source", "failure"])
def leaking(request: pytest.FixtureRequest) -> pa.RecordBatch:
    """Samples with prompt text in a map, or in a list."""
    tap = Tap(layers=[0, 1, 2, 3], heads=4)
    samples = [tap.sample() for _ in range(16)]
    for sample in samples:
        if request.param == "tag":
            sample["tags"] = [("tenant", SECRET)]
        elif request.param == "source":
            sample["segment_source"] = [SECRET] * len(sample["segment_source"])
        else:
            sample["span_failures"] = [SECRET]
    return signals.compute(batch_of(samples))


def parquet(batch: pa.RecordBatch, folder: Path) -> Path:
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(batch)
    writer.close()
    [file] = folder.glob("date=*/hour=*/*.parquet")
    return file


def journal(batch: pa.RecordBatch, folder: Path) -> Path:
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(batch)
    [file] = (folder / "_journal").glob("*.arrows")
    return file


def spill(batch: pa.RecordBatch, folder: Path) -> Path:
    queue = Spill(folder, 1 << 24, lambda _samples, _reason: None)
    for messages in encode.whole(batch, 1_000_000):
        queue.append(pack(messages), messages.samples)
    queue.close()
    [file] = folder.glob("*.frames")
    return file


@pytest.mark.parametrize("store", [parquet, journal, spill])
def test_text_in_a_file_is_found(
    leaking: pa.RecordBatch, tmp_path: Path, store: Callable[[pa.RecordBatch, Path], Path]
) -> None:
    file = store(leaking, tmp_path)
    before = file.read_bytes()
    assert all(part in leaks.in_file(file) for part in PARTS)
    assert file.read_bytes() == before


def test_text_in_a_message_is_found(leaking: pa.RecordBatch) -> None:
    [message] = encode.whole(leaking, 1_000_000)
    [value] = message.values
    assert all(part in leaks.in_message(value, ARROW) for part in PARTS)


def test_text_in_any_other_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(SECRET)
    assert all(part in leaks.in_file(tmp_path / "log") for part in PARTS)
