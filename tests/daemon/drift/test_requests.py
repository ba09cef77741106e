"""A request's means are those that the archive gives, so that a baseline made of it fits."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sidecar import config, signals
from sidecar.archive import Writer
from sidecar.daemon.sinks.drift.reduced import reduced
from sidecar.daemon.sinks.drift.requests import OpenRequests, together
from sidecar.drift import Requests, Stream, read
from tests.daemon.synthetic import Tap, batch_of


def samples(rows: int = 60) -> pa.RecordBatch:
    """Of twenty requests, on three routes, some in sessions, some on two ranks or boots."""
    tap, found = Tap(layers=[0, 1], heads=4), []
    for number in range(rows):
        request = number % 20
        session = [("session", f"s{request // 2}")] if request % 3 else []
        tap.documents = request % 4
        found.append(
            tap.sample(
                step=number // 20 * 4,
                request_id=f"chatcmpl-{request}",
                route=("search", "chat", None)[request % 3],
                boot="boot-2" if request == 7 else "boot-1",
                rank=number % 2,
                tags=[("tenant", "a"), *session],
            )
        )
    return signals.compute(batch_of(found))


def gathered(batch: pa.RecordBatch, *, parts: int = 7) -> dict[Stream, Requests]:
    """As the sink does it, from batches of any size."""
    requests = OpenRequests(1e-9, 1000)
    for start in range(0, len(batch), parts):
        rows, corrected = reduced(batch.slice(start, parts), time.time())
        assert corrected == 0
        requests.add(rows)
    return dict(together(requests.quiet()))


def test_the_archive_gives_the_same_requests(tmp_path: Path) -> None:
    batch = samples()
    writer = Writer(config.Archive(path=tmp_path))
    writer.append(batch)
    writer.close()
    archived, found = read(tmp_path), gathered(batch)
    assert set(found) == set(archived)
    assert sum(map(len, found.values())) == 20
    for stream, wanted in archived.items():
        here = found[stream]
        assert here.names == wanted.names
        assert here.time.tolist() == wanted.time.tolist()
        assert here.session.tolist() == wanted.session.tolist()
        np.testing.assert_allclose(here.lengths, wanted.lengths, rtol=1e-12)
        np.testing.assert_allclose(here.signals, wanted.signals, rtol=1e-12, equal_nan=True)
    assert np.isnan(np.concatenate([one.signals for one in found.values()])).any()


def test_gathering_goes_through_json_in_the_middle() -> None:
    import json

    batch = samples()
    first, second = OpenRequests(1e-9, 1000), OpenRequests(1e-9, 1000)
    first.add(reduced(batch.slice(0, 33), time.time())[0])
    second.restore(json.loads(json.dumps(first.state())))
    second.add(reduced(batch.slice(33), time.time())[0])
    whole, found = gathered(batch), dict(together(second.quiet()))
    for stream, wanted in whole.items():
        np.testing.assert_allclose(found[stream].signals, wanted.signals, equal_nan=True)
        assert found[stream].session.tolist() == wanted.session.tolist()


def test_room_is_bounded_and_the_one_quiet_for_longest_goes() -> None:
    requests = OpenRequests(3600, 5)
    requests.add(reduced(samples(), time.time())[0])
    gone: list[Any] = requests.beyond()
    assert (len(gone), len(requests)) == (15, 5)
    assert requests.quiet() == []


def test_a_clock_that_is_far_off_is_not_believed() -> None:
    batch = samples(3)
    now = time.time()
    rows, corrected = reduced(batch, now + 86_400)
    assert corrected == 3
    assert rows.column("time").to_pylist() == [int((now + 86_400) * 1e6)] * 3


def test_samples_that_waited_keep_their_time_where_that_is_expected() -> None:
    now, batch = time.time(), samples(4)
    own = signals.numbers(batch.column("time").cast(pa.int64())).tolist()
    rows, corrected = reduced(batch, now + 86_400, late_seconds=2 * 86_400)
    assert (rows.column("time").to_pylist(), corrected) == (own, 0)
    assert reduced(batch, now + 86_400, late_seconds=3600)[1] == 4
    assert reduced(batch, now - 86_400, late_seconds=2 * 86_400)[1] == 4, "none is from the future"
