"""Links of alerts, and the settings of drift."""

from pathlib import Path

import pytest

from sidecar import config
from sidecar.config import SettingsError
from sidecar.daemon.sinks.drift.links import links
from tests.daemon.drift.test_alertmanager import alert


def test_templates_are_filled_and_quoted() -> None:
    found = alert("a b&c=d")
    templates = {
        "dashboard": "https://g/d/1?var-route={route}&from={since}&to={raised}",
        "runbook": "https://wiki/drift",
        "trace": "https://tempo/{trace_id}",
    }
    since = int(found.since.timestamp() * 1000)
    made = links(found, templates, ["t1", "t2"])
    assert made["dashboard"].startswith(f"https://g/d/1?var-route=a%20b%26c%3Dd&from={since}&to=")
    assert made["runbook"] == "https://wiki/drift"
    assert (made["trace_1"], made["trace_2"]) == ("https://tempo/t1", "https://tempo/t2")
    assert "trace" not in made
    assert links(found, {}, ["t1"]) == {"trace_1": "t1"}


def test_settings_take_text_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_DRIFT__BASELINE", "a.json, b.json")
    monkeypatch.setenv("ATTENTION_DRIFT__ALERTMANAGER", "http://a:9093,https://b/am")
    found = config.load().drift
    assert found.baseline == [Path("a.json"), Path("b.json")]
    assert found.alertmanager == ["http://a:9093", "https://b/am"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LINKS", '{"dashboard": "https://g/{host}"}', "names {host}; there are id, model_name"),
        ("LINKS", '{"dashboard": "https://g/{route.__class__}"}', "names {route.__class__}"),
        ("ALERTMANAGER", "localhost:9093", "begins with http:// or https://"),
        ("ALERTMANAGER", "http://user:secret@host", "begins with http:// or https://"),
        ("RUN_LENGTH", "10", "greater than or equal to 1000"),
        ("LEAST_EFFECT", "0", "greater than 0"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"ATTENTION_DRIFT__{name}", value)
    with pytest.raises(SettingsError) as caught:
        config.load()
    assert str(caught.value).startswith(f"drift.{name.lower()}")
    assert told in str(caught.value)
