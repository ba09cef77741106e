"""Checks of the environment: from the metadata of real and of made-up installations."""

from importlib.metadata import distributions
from pathlib import Path

import pytest

from sidecar.doctor import environment, places


def install(folder: Path, name: str, entry_points: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_this_environment_offers_the_tap_to_its_vllm() -> None:
    installed = list(distributions())
    assert environment.plugin(installed).verdict == "ok"
    vllm = environment.vllm(installed)
    assert vllm.verdict == "ok"
    assert vllm.found.startswith("vllm")


def test_a_missing_or_doubled_plugin_is_told(tmp_path: Path) -> None:
    install(tmp_path, "vllm-nightly", "[console_scripts]\nvllm = vllm.main:main\n")
    found = list(distributions(path=[str(tmp_path)]))
    assert environment.plugin(found).verdict == "fail"
    assert environment.vllm(found).found == "vllm-nightly 1.0"
    for name in ("one", "two"):
        install(tmp_path, name, "[vllm.general_plugins]\nattention_sidecar = x:y\n")
    doubled = environment.plugin(distributions(path=[str(tmp_path)]))
    assert doubled.verdict == "warn"
    assert "one 1.0" in doubled.found


def test_an_environment_without_vllm_is_told(tmp_path: Path) -> None:
    assert environment.vllm(distributions(path=[str(tmp_path)])).verdict == "warn"


@pytest.mark.parametrize(
    ("value", "verdict"), [(None, "ok"), ("on", "ok"), ("off", "fail"), ("OFF", "fail")]
)
def test_the_kill_switch_is_told(value: str | None, verdict: str) -> None:
    environ = {} if value is None else {"ATTENTION_TAP": value}
    assert environment.kill_switch(environ).verdict == verdict


@pytest.mark.parametrize(
    ("value", "verdict", "advised"),
    [
        (None, "ok", ""),
        ("lora,attention_sidecar", "ok", ""),
        ("lora", "fail", "VLLM_PLUGINS=lora,attention_sidecar"),
        ("", "fail", "VLLM_PLUGINS=attention_sidecar"),
    ],
)
def test_the_allow_list_must_have_the_plugin(value: str | None, verdict: str, advised: str) -> None:
    check = environment.allow_list({} if value is None else {"VLLM_PLUGINS": value})
    assert check.verdict == verdict
    assert check.advice.startswith(advised)


def test_an_archive_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    assert places.archive(tmp_path / "new" / "folder").verdict == "ok"
    (tmp_path / "file").write_text("in the way")
    assert places.archive(tmp_path / "file").verdict == "fail"
