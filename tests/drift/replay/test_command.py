"""`attention-sidecar drift replay` on a real archive: what it prints, its exit code, its page."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from sidecar import archive, config, schema
from sidecar.cli import main
from sidecar.drift import load
from tests.archive import samples
from tests.drift.kit import without_paging

SIZE, FAULT, SPACING = 6000, 5000, 1_000_000


def archived(folder: Path, signal: str, *, rolled_out: int) -> Path:
    """Requests of one sample each; the last thousand have lost most of a signal."""
    template = samples.batch(["r"]).to_pylist()[0]
    rng = np.random.default_rng(1)
    rows = [
        template
        | dict.fromkeys(schema.SIGNAL_NAMES)
        | {
            "record_id": f"r{n}",
            "request_id": f"q{n}",
            "route": "other" if n % 10 == 0 else "rag",
            "time": samples.START + n * SPACING,
            signal: rng.beta(8, 12) * (0.3 if n >= FAULT else 1),
            "entropy_ratio": rng.beta(8, 12),
            "tags": [("version", "42" if n >= rolled_out else "41")],
        }
        for n in range(SIZE)
    ]
    writer = archive.Writer(config.Archive(path=folder))
    writer.append(pa.RecordBatch.from_pylist(rows, schema=schema.RECORD))
    writer.close()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archived(tmp_path_factory.mktemp("archive"), "grounding_score", rolled_out=FAULT - 500)


BEFORE = f"epoch_us(time) < {samples.START + FAULT * SPACING}"
AFTER = f"epoch_us(time) >= {samples.START + 4000 * SPACING}"


@pytest.fixture(scope="module")
def frozen(folder: Path) -> Path:
    return built(folder)


def built(folder: Path) -> Path:
    out = folder / "baseline.json"
    words = ["--from", str(folder), "--margin", "0.02", "--where", f"route = 'rag' AND {BEFORE}"]
    result = CliRunner().invoke(main, ["baseline", "build", *words, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def run(folder: Path, frozen: Path):
    def run(*words: str, code: int = 0) -> str:
        given = ["--archive", str(folder), "--baseline", str(frozen), *words]
        result = CliRunner().invoke(main, ["drift", "replay", *given])
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_what_is_like_the_baseline_passes_the_gate(run) -> None:
    told = run("--where", BEFORE, "--fail-on-alarm")
    assert "no alert\n" in told
    assert "fine         placeholder, route rag, 4500 of 4500 requests measured" in told
    assert "unmeasured   placeholder, route other (no baseline)" in told
    assert "not watched  500 requests: no baseline" in told


def test_a_fault_fails_the_gate_and_says_what_fell(run) -> None:
    told = run("--where", AFTER, "--fail-on-alarm", code=3)
    assert "grounding_score fell by" in told
    assert "moved: grounding_score -" in told
    assert "still: entropy_ratio" in told
    assert "most in " in told
    assert "tag version=42 (0." in told
    assert "alarm        placeholder, route rag" in told


def test_without_calibrated_heads_an_alert_says_as_much(run, tmp_path: Path) -> None:
    archived(tmp_path, "context_share", rolled_out=FAULT)
    words = ["--archive", str(tmp_path), "--baseline", str(built(tmp_path))]
    told = run(*words, "--fail-on-alarm", "--html", str(tmp_path / "report.html"), code=3)
    assert "context_share (uncalibrated) fell by" in told
    assert "new since then: version=42" in told
    assert "most in new version=42 (0.4" in told
    assert "version=42 (0.4" in (tmp_path / "report.html").read_text()


def test_without_the_gate_an_alert_is_no_failure(run) -> None:
    assert "grounding_score fell by" in run("--where", AFTER)


def test_a_gate_on_nothing_measured_is_an_error(run) -> None:
    told = run("--where", "route = 'other'", "--fail-on-alarm", code=1)
    assert "no alert means nothing there: placeholder, route rag (no request yet)" in told


@pytest.mark.parametrize(
    ("words", "reason"),
    [([], "no paging signal in the baseline"), (["--streams", "1"], "too many streams")],
)
def test_a_gate_with_a_stream_that_is_not_watched_is_an_error(
    run, frozen: Path, tmp_path: Path, words: list[str], reason: str
) -> None:
    found, file = load(frozen), tmp_path / "baseline.json"
    if words:
        more = tuple(one.model_copy(update={"route": "second"}) for one in found.signals)
        found.model_copy(update={"signals": (*found.signals, *more)}).save(file)
    else:
        without_paging(found, "second").save(file)
    told = run("--where", BEFORE, "--fail-on-alarm", "--baseline", str(file), *words, code=1)
    assert f"no alert means nothing there: placeholder, route second ({reason})" in told


@pytest.mark.parametrize("words", [["--where", "nonsense = 1"], ["--baseline", "none.json"]])
def test_what_does_not_work_is_one_line_and_1(run, words: list[str]) -> None:
    assert run(*words, code=1).splitlines()[-1].startswith("Error: ")


class Page(HTMLParser):
    """What a page holds, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append(tag)
        links = {name: value or "" for name, value in attrs}
        for name in ("src", "href", "xlink:href"):
            if not links.get(name, "#").startswith("#"):
                self.loaded.append(links[name])


def test_the_report_shows_two_versions_and_loads_nothing(run, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    run("--where", AFTER, "--against", BEFORE, "--html", str(file))
    text = file.read_text()
    page = Page(text)
    assert page.loaded == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 3
    assert "1 alert" in text
    assert "<td>entropy_ratio</td>" in text
    assert text.count("unmeasured: no baseline") == 2


def test_what_users_wrote_is_escaped(run, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    run("--where", "route <> '<script>alert(1)</script>'", "--html", str(file))
    assert "<script>" not in file.read_text()


def test_a_report_that_cannot_be_written_is_an_error(run, tmp_path: Path) -> None:
    told = run("--html", str(tmp_path / "none" / "report.html"), code=1)
    assert "No such file or directory" in told
