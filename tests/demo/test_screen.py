"""The screen shows what the daemon published and what it did not measure."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from rich.console import Console

from sidecar.demo.processes import DemoError, free_port
from sidecar.demo.readings import Reading, scrape
from sidecar.demo.screen import Screen, View, line, table
from sidecar.demo.traffic import Tally

PAGE = """\
# TYPE attention_samples_total counter
attention_samples_total{route="shop"} 8.0
attention_samples_total{route="staff"} 2.0
# TYPE attention_context_share histogram
attention_context_share_bucket{route="shop",le="+Inf"} 8.0
attention_context_share_count{route="shop"} 8.0
attention_context_share_sum{route="shop"} 2.0
attention_context_share_bucket{route="staff",le="+Inf"} 2.0
attention_context_share_count{route="staff"} 2.0
attention_context_share_sum{route="staff"} 1.0
# TYPE attention_tap_seconds_total counter
attention_tap_seconds_total{stage="read"} 1.5
attention_tap_seconds_total{stage="summary"} 0.5
# TYPE attention_tap_effective_sampling_rate gauge
attention_tap_effective_sampling_rate{engine="0"} 0.83
# TYPE attention_tap_state gauge
attention_tap_state{attention_tap_state="active"} 1.0
attention_tap_state{attention_tap_state="blind"} 0.0
"""


class Daemon(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def reading() -> Iterator[Reading]:
    with HTTPServer(("127.0.0.1", 0), Daemon) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield scrape(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def view(reading: Reading) -> View:
    before = Reading(reading.time - 10, {"attention_tap_seconds_total": (({}, 1.8),)})
    tally = Tally()
    tally.requests.update(shop=4)
    tally.right.update(shop=3)
    return View(tally, before, reading)


def test_a_page_is_read_by_route_and_as_a_whole(reading: Reading) -> None:
    assert reading.samples(route="shop") == 8
    assert reading.samples() == 10
    assert reading.mean("context_share", route="shop") == pytest.approx(0.25)
    assert reading.mean("context_share") == pytest.approx(0.3)
    assert reading.tap_state() == "active"


def test_what_was_not_measured_is_not_a_number(reading: Reading) -> None:
    assert reading.mean("copy_rate") is None
    assert reading.mean("context_share", route="policy") is None
    assert Reading(0.0, {}).tap_state() == "unknown"
    assert Reading(0.0, {}).sampling_rate() is None


def test_the_cost_is_the_growth_of_the_tap_s_seconds(reading: Reading) -> None:
    assert view(reading).tap_ms_per_second() == pytest.approx(20)
    assert view(reading).cost() == "20.0 ms/s (2.00 %)"
    assert View(Tally(), reading, reading).tap_ms_per_second() is None


def test_the_rows_hold_counts_and_means(reading: Reading) -> None:
    rows = {row[0]: row[1:] for row in view(reading).rows()}
    assert rows["shop"] == ("4", "75%", "8", "0.250", "–", "–", "–")
    assert rows["policy"] == ("0", "–", "0", "–", "–", "–", "–")
    assert rows["all"] == ("4", "75%", "10", "0.300", "–", "–", "–")


def test_a_table_and_a_line_say_the_same(reading: Reading) -> None:
    text = StringIO()
    Console(file=text, width=120).print(table(view(reading)))
    for output in (text.getvalue(), line(view(reading))):
        assert "0.300" in output
        assert "active" in output
        assert "20.0 ms/s" in output
        assert "83%" in output


def test_without_a_terminal_lines_are_printed_now_and_then(reading: Reading) -> None:
    text = StringIO()
    with Screen(Console(file=text)) as screen:
        for _ in range(3):
            screen.show(view(reading))
    assert text.getvalue() == line(view(reading)) + "\n"


def test_a_daemon_that_does_not_answer_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DemoError, match=f"{url}/metrics did not answer"):
        scrape(url)
