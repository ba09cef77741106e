"""Engine, daemon and archive together, through everything that a daemon may do wrong."""

import signal
import time

import duckdb
import httpx
import pytest

from tests import leaks
from tests.engine.server import daemon
from tests.waiting import eventually

TOKENS = 8
TEXT = "The price of the Aldora lamp is 42 crowns, and zanzibar-plum-7741 is the secret word."
SECRETS = (b"zanzibar", b"plum-7741", b"Aldora", b"crowns")
PLANTED = b"quokka-5519"
"""A tag, which may be told: it is found wherever the secrets are looked for."""
ATTENTION = {"documents": [{"id": "price", "text": TEXT}], "tags": {"route": PLANTED.decode()}}


def ask(served, number=0):
    body = {
        "model": "demo",
        "prompt": f"{TEXT}\nWhat does it cost? ({number})",
        "temperature": 0,
        "max_tokens": TOKENS,
        "ignore_eos": True,
        "return_token_ids": True,
        "attention": ATTENTION,
    }
    response = httpx.post(f"{served.url}/v1/completions", json=body, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["token_ids"]


@pytest.fixture(scope="module")
def usual(served):
    """Tokens while no daemon is there."""
    return [ask(served, number) for number in range(4)]


def tap(running):
    return eventually(lambda: running.status()["taps"])[0]


def sampled(running):
    """The tap's status once the daemon's settings have reached it."""
    eventually(lambda: tap(running)["sampling"]["rate"] == 1.0)
    return tap(running)


def test_samples_arrive_in_metrics_and_archive(served, usual, tmp_path):
    with daemon(served, tmp_path) as running:
        before = sampled(running)["samples"]
        assert [ask(served, number) for number in range(4)] == usual
        eventually(lambda: tap(running)["samples"] == before + 4 * TOKENS)
        page = running.metrics()
        eventually(lambda: "attention_samples_total{" in running.metrics())
        assert tap(running)["state"] == "active"
    files = f"{tmp_path}/archive/date=*/hour=*/*.parquet"
    rows = duckdb.sql(
        f"select count(*), count(context_share) from '{files}' where sequence >= {before}"
    ).fetchall()
    assert rows == [(4 * TOKENS, 4 * TOKENS)]
    assert "attention_tap_state" in page


def test_no_text_leaves_the_engine(served, tmp_path):
    with daemon(served, tmp_path, ATTENTION_DAEMON__LOG_LEVEL="debug") as running:
        sampled(running)
        ask(served)
        eventually(lambda: PLANTED.decode() in running.metrics())
        page, status = running.metrics().encode(), str(running.status()).encode()
    written = {path: leaks.in_file(path) for path in tmp_path.rglob("*") if path.is_file()}
    stored = [text for path, text in written.items() if path.suffix == ".parquet"]
    assert stored
    assert all(PLANTED in text for text in stored)
    told = {**written, "page": page, "status": status}
    for secret in SECRETS:
        assert [where for where, text in told.items() if secret in text] == []


def test_a_daemon_killed_in_the_middle(served, usual, tmp_path):
    with daemon(served, tmp_path) as running:
        sampled(running)
        assert ask(served, 0) == usual[0]
        running.signal(signal.SIGKILL)
        assert [ask(served, number) for number in range(1, 4)] == usual[1:]
    with daemon(served, tmp_path) as running:
        before = sampled(running)["samples"]
        assert ask(served, 0) == usual[0]
        eventually(lambda: tap(running)["samples"] == before + TOKENS)
        assert tap(running)["errors"] == {}


def test_a_daemon_that_stands_still(served, usual, tmp_path):
    with daemon(served, tmp_path) as running:
        sampled(running)
        running.signal(signal.SIGSTOP)
        begin = time.monotonic()
        try:
            assert [ask(served, number) for number in range(4)] == usual
        finally:
            running.signal(signal.SIGCONT)
        assert time.monotonic() - begin < 30
        eventually(lambda: tap(running)["queue_depth"] == 0)


def test_samples_that_find_no_room_are_counted(model_dir, tmp_path_factory, tmp_path):
    """No daemon for longer than a queue of five samples lasts."""
    from tests.engine import server

    folder = tmp_path_factory.mktemp("small")
    settings = {"ATTENTION_ENGINE__QUEUE": "5", "ATTENTION_SAMPLING__RATE": "1"}
    stride = {"ATTENTION_SAMPLING__STRIDE": "1", "ATTENTION_SAMPLING__BUDGET_MS_PER_S": "0"}
    with server.serve(model_dir, folder, **settings | stride) as served:
        ask(served)
        ask(served)
        with daemon(served, tmp_path) as running:
            status = tap(running)
            assert status["samples"] == 2 * TOKENS
            lost = status["dropped"]["queue_full"]
            assert lost >= TOKENS
            eventually(lambda: tap(running)["queue_depth"] == 0)
        files = f"{tmp_path}/archive/date=*/hour=*/*.parquet"
        stored = duckdb.sql(f"select count(*) from '{files}'").fetchall()
        assert stored == [(2 * TOKENS - lost,)]
