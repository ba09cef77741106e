"""Every panel of every dashboard, drawn from a real Prometheus that holds every metric."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from click.testing import CliRunner, Result

from dashboards import runbooks
from dashboards.queries import DRIFT_STATES
from sidecar.cli import main
from sidecar.grafana.boards import boards, targets
from sidecar.grafana.preview import Live, Recorded, in_queries
from sidecar.grafana.preview.fetch import Source, Span
from tests.conftest import Requires
from tests.dashboards.history.scene import CHANGE, SCRAPED, STEP, STEPS
from tests.dashboards.promql import followed
from tests.dashboards.services import backfill, prometheus

END = 1_795_000_000
SPAN = Span(END - 3600.0, float(END), STEP)
BOARDS = {board.uid: board for board in boards() if board.has_queries}
PANELS = [
    pytest.param(uid, panel, id=f"{uid}: {panel['title']}")
    for uid, board in BOARDS.items()
    for panel in board.panels()
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(requires: Requires, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    backfill(requires("promtool"), folder, END)
    with prometheus(requires("prometheus"), folder) as address:
        yield address


def preview(url: str, out: Path, *arguments: str) -> Result:
    command = ["dashboards", "preview", "--prometheus", url, "--out", str(out)]
    end = ["--end", "2026-11-18T11:06:40", "--scrape-interval", str(STEP)]
    return CliRunner().invoke(main, [*command, *end, *arguments], catch_exceptions=False)


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_every_query_of_a_panel_brings_something(url: str, uid: str, panel) -> None:
    source = Source(Live(url), BOARDS[uid], SPAN, {})
    data = source.panel(panel, [])
    assert data.errors == []
    assert [one.name for one in data.series if np.isinf(one.values).any()] == []
    assert {one.ref for one in data.series} == {target.ref for target in targets(panel)}


def shown(url: str, uid: str, title: str) -> dict[str, float]:
    """The last value of each series of a panel, by name."""
    board = BOARDS[uid]
    [panel] = [one for one in board.panels() if one["title"] == title]
    data = Source(Live(url), board, SPAN, {}).panel(panel, [])
    assert data.errors == []
    return {one.name: one.last for one in data.series}


def test_counts_and_states_of_routes_agree_where_there_are_two_members(url: str) -> None:
    """One watches; the other gets no requests, but some of one route that lack a signal."""
    states = shown(url, "attention-overview", "Where, and since when")
    named = {name.removeprefix("demo "): DRIFT_STATES[int(at)] for name, at in states.items()}
    assert named == {
        "shop": "alarm",
        "staff": "fine",
        "*": "fine",
        "policy": "unmeasured",
        "faq": "unmeasured",
    }
    assert shown(url, "attention-overview", "Routes in alarm") == {"": 1}
    assert shown(url, "attention-overview", "Routes not watched") == {"": 2}


@pytest.mark.parametrize("title", ["Daemon: processor", "Daemon: memory", "Daemons that answer"])
def test_what_is_said_of_daemons_has_no_other_process(url: str, title: str) -> None:
    assert [*shown(url, "attention-health", title)] == [SCRAPED["instance"]]


def test_the_change_is_marked_where_it_was(url: str) -> None:
    marks = Source(Live(url), BOARDS["attention-overview"], SPAN, {}).marks()
    assert marks == [END - STEP * (STEPS - CHANGE)]


def test_pages_and_pictures_are_drawn_and_a_browser_shows_them(
    url: str, tmp_path: Path, requires: Requires
) -> None:
    recording = tmp_path / "kept.json.gz"
    told = preview(url, tmp_path, "--record", str(recording))
    assert told.exit_code == 0, told.output
    browser = requires("chromium-headless-shell")
    for uid, board in BOARDS.items():
        assert (tmp_path / f"{uid}.png").read_bytes().startswith(b"\x89PNG")
        page = (tmp_path / f"{uid}.html").resolve()
        command = [str(browser), "--no-sandbox", "--dump-dom", page.as_uri()]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        drawn = [panel for panel in board.panels() if panel["type"] != "text"]
        assert shown.count("<svg") == len(drawn)
        assert '<b class="label">Preview</b>' in shown
        assert "Dotted red: the estimated moment of a change." in shown
        assert not re.search(r'(src|href)="https?:', shown), "the page should need no network"
    assert (Recorded(recording).end, Recorded(recording).scrape) == (END, STEP)
    again = tmp_path / "again"
    replay = ["dashboards", "preview", "overview", "--recorded", str(recording)]
    replayed = CliRunner().invoke(main, [*replay, "--out", str(again)], catch_exceptions=False)
    assert replayed.exit_code == 0, replayed.output
    assert (again / "attention-overview.png").stat().st_size > 50_000


@pytest.mark.parametrize("page", runbooks.pages().values(), ids=runbooks.pages())
def test_prometheus_answers_every_query_of_a_runbook(url: str, page: str) -> None:
    for query in followed(page):
        told = httpx.get(f"{url}/api/v1/query", params={"query": query, "time": END}).json()
        assert told["status"] == "success", f"{query}: {told.get('error')}"


def test_what_cannot_be_asked_is_told(url: str, tmp_path: Path) -> None:
    away = preview("http://127.0.0.1:9", tmp_path, "overview")
    assert away.exit_code == 1
    assert "http://127.0.0.1:9 did not answer" in away.output
    unknown = preview(url, tmp_path, "nonsense")
    assert "no dashboard is called 'nonsense'; there are " in unknown.output
    nobody = preview(url, tmp_path, "overview", "--choose", "route=nosuch")
    assert nobody.exit_code == 1
    assert "'route=nosuch': nothing has it within the span; there are *, faq" in nobody.output


def test_a_query_that_fails_is_told_on_its_panel(url: str) -> None:
    [panel] = [one for one in BOARDS["attention-overview"].panels() if "alarms" in one["title"]]
    source = Source(Live(url), BOARDS["attention-overview"], SPAN, {"job": 'x"'})
    data = source.panel(panel, [])
    assert len(data.errors) == len(panel["targets"])
    assert all("parse error" in one for one in data.errors)


def test_the_median_of_all_routes_can_be_chosen(url: str, tmp_path: Path) -> None:
    chosen = ("--choose", "route=*", "--choose", "route=staff")
    drawn = preview(url, tmp_path, "overview", *chosen)
    assert drawn.exit_code == 0, drawn.output
    [panel] = [one for one in BOARDS["attention-overview"].panels() if "Where" in one["title"]]
    values = in_queries({"route": ["*", "staff"]})
    data = Source(Live(url), BOARDS["attention-overview"], SPAN, values).panel(panel, [])
    assert {one.labels["route"] for one in data.series} == {"*", "staff"}
