"""The HTTP side: who may change what, and how it says no."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pyarrow.parquet as pq
import pytest

from sidecar import config, signals
from sidecar.config import Sampling, runtime_dir
from sidecar.daemon import http, token
from sidecar.daemon.http import Api
from sidecar.daemon.own import OwnMetrics
from sidecar.daemon.page import Page
from sidecar.daemon.sampling import SamplingControl
from sidecar.daemon.sinks.archive import ArchiveSink
from sidecar.daemon.sinks.runner import SinkRunner
from sidecar.daemon.sockets import AddressError
from tests.daemon.synthetic import Tap

TOKEN = "a-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Server:
    """The application, called without a network."""

    def __init__(self, archive: SinkRunner | None = None, *, taps: bool = True) -> None:
        self.sampling = SamplingControl(Sampling())
        self.fine = True
        self.api = Api(
            page=Page({}),
            sampling=self.sampling if taps else None,
            archive=archive,
            status=lambda: {"taps": []},
            alive=lambda: self.fine,
            ready=lambda: self.fine,
            token=TOKEN,
        )

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.api.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as client:
            yield client

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            async with self._client() as client:
                return await client.request(method, path, **options)

        return anyio.run(run)


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_change_needs_the_token(server: Server) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "}):
        answer = server.call("PATCH", "/v1/sampling", json={"rate": 0.5}, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["field"] == "token"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert server.sampling.current == Sampling()


def test_a_change_replaces_what_it_names(server: Server) -> None:
    answer = server.call("PATCH", "/v1/sampling", json={"rate": 0.5}, headers=BEARER)
    assert answer.status_code == 200
    assert answer.json() == Sampling(rate=0.5).model_dump()
    answer = server.call("PATCH", "/v1/sampling", json={"layers": [1, 2]}, headers=BEARER)
    assert server.call("GET", "/v1/sampling").json() == answer.json()
    assert server.sampling.current == Sampling(rate=0.5, layers=[1, 2])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"rate": 1.5}', "rate"),
        ('{"rate": "much"}', "rate"),
        ('{"stride": 0}', "stride"),
        ('{"layers": "some"}', "layers"),
        ('{"budget_ms_per_s": -1}', "budget_ms_per_s"),
        ('{"speed": 1}', "speed"),
        ('{"rate": 0.5, "stride": 0}', "stride"),
        ("[1]", "body"),
        ("{", "body"),
        ("", "body"),
        ('{"rate": NaN}', "rate"),
        (" " * 70_000, "body"),
    ],
)
def test_a_wrong_change_names_the_field_and_changes_nothing(
    server: Server, body: str, field: str
) -> None:
    answer = server.call("PATCH", "/v1/sampling", content=body, headers=BEARER)
    assert answer.status_code == 422
    [problem] = answer.json()["errors"]
    assert problem["field"].split(".")[0] == field
    assert problem["message"]
    assert server.sampling.current == Sampling()


def test_where_no_taps_listen_sampling_is_refused() -> None:
    server = Server(taps=False)
    for method, given in (("GET", {}), ("PATCH", {"json": {"rate": 0.5}, "headers": BEARER})):
        answer = server.call(method, "/v1/sampling", **given)
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["field"] == "sampling"


def test_health_follows_the_intake(server: Server) -> None:
    for path in ("/health/live", "/health/ready"):
        assert server.call("GET", path).status_code == 200
    server.fine = False
    for path in ("/health/live", "/health/ready"):
        assert server.call("GET", path).status_code == 503


def test_the_page_comes_in_the_format_asked_for(server: Server) -> None:
    plain = server.call("GET", "/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    openmetrics = server.call("GET", "/metrics", headers=accept)
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def test_a_made_token_is_kept_and_private() -> None:
    made = token.obtain(None)
    assert len(made) >= 32
    assert token.obtain(None) == made
    assert token.token_file().stat().st_mode & 0o777 == 0o600
    assert runtime_dir().stat().st_mode & 0o777 == 0o700
    assert token.obtain("mine") == "mine"


def test_a_token_that_others_can_read_is_not_used() -> None:
    token.obtain(None)
    token.token_file().chmod(0o644)
    with pytest.raises(AddressError, match="open to other users"):
        token.obtain(None)


def test_a_token_in_another_alphabet_is_just_wrong() -> None:
    assert not token.matches("Bearer żółw", TOKEN)
    assert not token.matches(None, TOKEN)
    assert token.matches(f"Bearer {TOKEN}", TOKEN)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SinkRunner]:
    runner = SinkRunner(ArchiveSink(config.Archive(path=tmp_path)), OwnMetrics(), max_batches=9)
    runner.start()
    yield runner
    runner.finish(time.monotonic() + 5)
    runner.join(time.monotonic() + 5)


def flush(archive: SinkRunner | None, **headers: str) -> httpx.Response:
    return Server(archive).call("POST", "/v1/archive/flush", headers=headers)


def test_a_flush_finishes_the_files_of_all_that_was_queued(
    archive: SinkRunner, tmp_path: Path
) -> None:
    tap = Tap(layers=[0], heads=2)
    for _ in range(3):
        archive.offer(signals.compute(tap.batch(5)))
    answer = flush(archive, **BEARER)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    files = list(tmp_path.glob("date=*/hour=*/*.parquet"))
    assert sum(pq.read_metadata(file).num_rows for file in files) == 15
    assert flush(archive, **BEARER).status_code == 200
    assert list(tmp_path.glob("date=*/hour=*/*.parquet")) == files, "nothing new, no new file"


def test_a_flush_needs_the_token_and_an_archive(archive: SinkRunner) -> None:
    assert flush(archive).status_code == 401
    off = flush(None, **BEARER)
    assert (off.status_code, off.json()["errors"][0]["field"]) == (409, "archive.enabled")


def test_a_flush_that_cannot_be_done_says_why(archive: SinkRunner, tmp_path: Path) -> None:
    archive.offer(signals.compute(Tap(layers=[0], heads=2).batch(5)))
    assert flush(archive, **BEARER).status_code == 200
    archive.offer(signals.compute(Tap(layers=[0], heads=2).batch(5)))
    for folder in tmp_path.glob("date=*"):
        folder.rename(tmp_path / "elsewhere")
        folder.write_text("in the way")
    refused = flush(archive, **BEARER)
    assert refused.status_code == 503
    assert "its rows wait in the journal" in refused.text


def test_a_flush_of_a_sink_that_does_not_answer_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "FLUSH_SECONDS", 0.1)
    silent = SinkRunner(ArchiveSink(config.Archive(path=tmp_path)), OwnMetrics(), max_batches=9)
    refused = flush(silent, **BEARER)
    assert refused.status_code == 503
    assert "still wait" in refused.text
