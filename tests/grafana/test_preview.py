"""The command that previews: what it refuses, and a recording that is drawn again."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli import main
from sidecar.grafana.preview import PreviewError, Recorded
from tests.grafana.prometheus import answering


def preview(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["dashboards", "preview", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["overview", "nonsense"], "no dashboard is called 'nonsense'; there are alert, health"),
        (["runbooks"], "no dashboard is called 'runbooks'; there are alert, health"),
        (["--choose", "rout=shop"], "'rout=shop': no variable is called 'rout'; there are "),
        (["--choose", "__interval=1s"], "no variable is called '__interval'"),
        (["--choose", "route"], "--choose 'route': should be NAME=VALUE"),
        (["--scrape-interval", "0"], "0: should be seconds above 0"),
        (["--scrape-interval", "-1"], "-1: should be seconds above 0"),
        (["--scrape-interval", "nan"], "nan: should be seconds above 0"),
        (["--scrape-interval", "inf"], "inf: should be seconds above 0"),
        (["--span", "999999999d"], "--span and --end: the span should begin after 1970"),
        (["--end", "1969-01-01"], "--span and --end: the span should begin after 1970"),
        (["--record", "nodir/x.gz"], "'nodir/x.gz': there is no folder 'nodir'; should be a file"),
        (["--record", "."], "'.': is a folder; should be a file to write"),
        (["--recorded", "x.gz", "--span", "2h"], "--span: a recording has its own"),
        (["--recorded", "x.gz", "--scrape-interval", "5"], "--scrape-interval: a recording has"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering() as (url, asked):
        address = [] if "--recorded" in arguments else ["--prometheus", url]
        refused = preview(*arguments, *address)
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.split())
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_the_pages_may_be_no_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with answering() as (url, _):
        assert preview("--prometheus", url, "--out", str(file)).exit_code == 2
        below = preview("--prometheus", url, "--out", str(file / "below"))
    assert below.exit_code == 1
    assert f"--out '{file}/below': Not a directory" in below.output


def test_a_recording_is_drawn_again_at_its_own_scrape_interval(tmp_path: Path) -> None:
    kept, out = str(tmp_path / "kept.gz"), str(tmp_path / "out")
    with answering() as (url, asked):
        options = ["--prometheus", url, "--scrape-interval", "60", "--choose", "route=shop"]
        drawn = preview("overview", *options, "--record", kept, "--out", out)
    assert drawn.exit_code == 0, drawn.output
    assert any("[240s]" in query for query in asked)
    assert len(asked) == len(set(asked)), "what two panels ask is asked once"
    again = preview("overview", "--recorded", kept, "--choose", "route=shop", "--out", out)
    assert again.exit_code == 0, again.output
    page = (tmp_path / "out/attention-overview.html").read_text()
    assert "Dotted red" not in page, "no change is marked"


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("route=nosuch", "nothing has it within the span; there are *, shop"),
        ("route=.*", "nothing has it within the span; there are *, shop"),
        ('job=x"', "nothing has it within the span; there are *, shop"),
        ("version=nosuch", "nothing has it within the span; there are model_name, engine"),
    ],
)
def test_a_value_that_nothing_has_is_told_and_not_drawn_as_grey(
    tmp_path: Path, choice: str, told: str
) -> None:
    with answering() as (url, asked):
        refused = preview("--prometheus", url, "--choose", choice, "--out", str(tmp_path))
    assert refused.exit_code == 1
    assert f"--choose {choice!r}: {told}" in refused.output
    assert not list(tmp_path.iterdir())
    assert not [one for one in asked if "rate(" in one]


def test_values_are_taken_as_they_are_written(tmp_path: Path) -> None:
    options = ["--choose", "route=*", "--choose", "route=shop", "--out", str(tmp_path)]
    with answering() as (url, asked):
        drawn = preview("overview", "--prometheus", url, *options)
    assert drawn.exit_code == 0, drawn.output
    chosen = [one for one in asked if "route=~" in one]
    assert chosen
    assert all('route=~"(\\\\*|shop)"' in one for one in chosen)


@pytest.mark.parametrize("url", ["http://localhost:port", "localhost:9090", "http://[x", ""])
def test_an_address_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    told = preview("overview", "--prometheus", url, "--out", str(tmp_path))
    assert told.exit_code == 1
    assert f"Error: {url} did not answer" in told.output


@pytest.mark.parametrize("body", [[], {}, "ok"])
def test_what_is_no_prometheus_is_told(tmp_path: Path, body: object) -> None:
    with answering(body) as (url, _):
        told = preview("overview", "--prometheus", url, "--out", str(tmp_path))
    assert told.exit_code == 1
    assert f"{url} did not answer as a Prometheus does" in told.output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"text", "is no recording: Not a gzipped file"),
        (gzip.compress(b"x" * 1000)[:-20], "is no recording"),
        (gzip.compress(b"text")[:12] + b"\xff" * 20, "is no recording"),
        (gzip.compress(b"[]"), "start is None and should be seconds"),
        (
            gzip.compress(json.dumps({"start": 1, "end": 2, "answers": {}}).encode()),
            "scrape is None",
        ),
    ],
)
def test_what_is_no_recording_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "kept.gz"
    file.write_bytes(content)
    with pytest.raises(PreviewError, match=told):
        Recorded(file)
    refused = preview("--recorded", str(file))
    assert refused.exit_code == 1
    assert f"'{file}' is no recording" in refused.output
