"""The screen shows what users got, what the daemon published, and what was not measured."""

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from rich.console import Console

from sidecar.demo.judge import Verdict
from sidecar.demo.phases import Phase
from sidecar.demo.processes import DemoError, free_port
from sidecar.demo.readings import Reading, Window, scrape
from sidecar.demo.screen import Screen, View, draw, line
from sidecar.demo.traffic import Answer, Tally

Series = tuple[tuple[Mapping[str, str], float], ...]

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


def earlier(reading: Reading) -> Reading:
    before: dict[str, Series] = {
        "attention_samples_total": (({}, 6.0),),
        "attention_context_share_count": (({}, 5.0),),
        "attention_context_share_sum": (({}, 1.0),),
        "attention_tap_seconds_total": (({}, 1.8),),
    }
    return Reading(reading.time - 10, before)


def view(reading: Reading) -> View:
    tally = Tally(
        [Answer(reading.time - 5, "shop", True, Verdict.DOCUMENT, 200) for _ in range(3)]
        + [Answer(reading.time - 4, "shop", False, Verdict.MEMORY, 300)]
    )
    silent = Phase("before", Tally(), [earlier(reading), earlier(reading)])
    phase = Phase("after", tally, [earlier(reading), reading])
    return View((silent, phase), Window(earlier(reading), reading))


def test_a_page_is_read_as_growth_since_an_earlier_one(reading: Reading) -> None:
    window = Window(earlier(reading), reading)
    assert reading.samples() == 10
    assert window.samples() == 4
    assert window.mean("context_share") == pytest.approx(2 / 5)
    assert window.seconds() == pytest.approx(10)
    assert reading.tap_state() == "active"


def test_what_was_not_measured_is_not_a_number(reading: Reading) -> None:
    assert Window(earlier(reading), reading).mean("copy_rate") is None
    assert Window(reading, reading).mean("context_share") is None
    assert Reading(0.0, {}).tap_state() == "unknown"
    assert Reading(0.0, {}).sampling_rate() is None


def test_the_cost_is_the_growth_of_the_tap_s_seconds(reading: Reading) -> None:
    assert view(reading).recent.tap_ms_per_second() == pytest.approx(20)
    assert view(reading).cost() == "20.0 ms/s (2.00 %)"
    assert Window(reading, reading).tap_ms_per_second() is None


def test_a_new_engine_s_tap_has_not_cost_less_than_nothing(reading: Reading) -> None:
    fresh = Reading(reading.time + 1, {"attention_tap_seconds_total": (({}, 0.1),)})
    assert Window(reading, fresh).tap_ms_per_second() is None


def test_each_phase_has_a_column(reading: Reading) -> None:
    rows = {title: texts for title, *texts in view(reading).rows()}
    assert rows["answers right"] == ["–", "75%"]
    assert rows["context share"] == ["–", "0.400"]
    assert rows["copy rate"] == ["–", "–"]
    assert rows["answers from documents"] == ["–", "75%"]
    assert rows["answers from memory"] == ["–", "25%"]
    assert rows["refusals"] == ["–", "0%"]
    assert rows["prompt tokens"] == ["–", "225"]
    assert rows["requests"] == ["0", "4"]
    assert rows["samples"] == ["0", "4"]


def test_the_drawing_and_the_line_say_the_same(reading: Reading) -> None:
    text = StringIO()
    Console(file=text, width=100).print(draw(view(reading)))
    for output in (text.getvalue(), line(view(reading))):
        assert "0.400" in output
        assert "75%" in output
        assert "active" in output
        assert "20.0 ms/s" in output
        assert "83%" in output


def test_without_a_terminal_lines_are_printed_now_and_then_and_a_table_last(
    reading: Reading,
) -> None:
    text = StringIO()
    with Screen(Console(file=text, width=100)) as screen:
        for _ in range(3):
            screen.show(view(reading))
        assert text.getvalue() == line(view(reading)) + "\n"
        screen.finish(view(reading))
    assert "answers from memory" in text.getvalue()


def test_on_a_terminal_the_last_table_stays(reading: Reading) -> None:
    text = StringIO()
    with Screen(Console(file=text, width=100, force_terminal=True)) as screen:
        screen.show(view(reading))
        screen.finish(view(reading))
    assert "answers from memory" in text.getvalue()


def test_a_daemon_that_does_not_answer_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DemoError, match=f"{url}/metrics did not answer"):
        scrape(url)
