"""An address that is not Grafana's own is told, and nothing is said to be done."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.grafana import deploys
from sidecar.grafana.client import Grafana, GrafanaError
from sidecar.grafana.deploys import Deploy
from sidecar.grafana.publish import Publication
from tests.grafana.front import redirecting
from tests.grafana.stub import TOKEN, Stub

DEPLOY = Deploy(datetime(2026, 11, 26, tzinfo=UTC), "model", "b", "placeholder")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_address_that_redirects_is_told_with_where_it_leads(stub: Stub, status: int) -> None:
    """Behind one, a POST becomes a GET, which a Grafana answers and which stores nothing."""
    with redirecting(stub.url, status) as front:
        grafana = Grafana(front, TOKEN, wait=lambda _: pytest.fail("it was tried again"))
        leads = f"{status}: .*should be the address that it redirects to: {stub.url}$"
        with pytest.raises(GrafanaError, match=leads):
            deploys.publish(grafana, [DEPLOY], dry_run=False)
        with pytest.raises(GrafanaError, match=leads):
            grafana.post("/annotations", DEPLOY.annotation(), repeatable=False)
        with pytest.raises(GrafanaError, match=leads):
            list(Publication(grafana, front, "prom-1").run())
        grafana.close()
    assert stub.requests == []


@pytest.mark.parametrize("command", [["publish", "--datasource", "prom-1"], ["deploys"]])
def test_a_server_that_has_no_page_is_no_grafana(
    stub: Stub, command: list[str], tmp_path: Path
) -> None:
    """Neither that a data source is lacking is told, nor that something was done."""
    elsewhere = ["--archive", str(tmp_path)] if command == ["deploys"] else []
    address = f"{stub.url}/elsewhere"
    told = CliRunner(env={"GRAFANA_TOKEN": TOKEN}).invoke(
        main, ["grafana", *command, "--url", address, *elsewhere], catch_exceptions=False
    )
    assert told.exit_code == 1
    assert told.output.startswith(f"Error: --url '{address}': no Grafana answers GET /api/health")


@pytest.mark.parametrize("answer", [{}, [], "ok", {"status": "ok"}])
def test_what_answers_something_else_is_no_grafana(
    stub: Stub, grafana: Grafana, answer: object
) -> None:
    stub.failures, stub.failure_body = [200], answer
    with pytest.raises(GrafanaError, match=r"^--url 'http:.*': no Grafana answers"):
        grafana.check()


@pytest.mark.parametrize("answer", [{}, [], "ok"])
def test_an_answer_that_is_no_data_source_is_no_traceback(
    stub: Stub, grafana: Grafana, answer: object
) -> None:
    stub.failures, stub.failure_body = [200, 200], answer
    with pytest.raises(GrafanaError, match=r"^--datasource 'prom-1': is .* not Prometheus"):
        list(Publication(grafana, "http://g", "prom-1").run())
