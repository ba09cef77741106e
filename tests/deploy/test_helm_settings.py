"""What the chart hands to processes of ours is what these take."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from sidecar import cli, config
from sidecar.cli.archive import compact
from tests.conftest import Requires
from tests.deploy.manifests import CI, chart, containers, named, pods

Tree = dict[str, Any]

SECRET = {"ATTENTION_OTEL__HEADERS": '{"authorization": "x"}'}


@pytest.fixture(autouse=True)
def tools(requires: Requires) -> None:
    requires("helm")


@pytest.fixture(scope="module", params=CI, ids=[values.stem for values in CI])
def objects(request: pytest.FixtureRequest, requires: Requires) -> list[Tree]:
    requires("helm")
    return chart(request.param)


def written(objects: list[Tree], folder: Path) -> dict[str, Path]:
    """The rendered settings files, by name."""
    (data,) = [one["data"] for one in objects if "attention.toml" in one.get("data", {})]
    for name, text in data.items():
        (folder / name).write_text(text)
    return {name: folder / name for name in data}


def environment(container: Tree) -> dict[str, str]:
    """A container's variables; a secret's are some text of the right form."""
    variables = {one["name"]: one.get("value") for one in container["env"]}
    return {name: value or SECRET.get(name, "secret") for name, value in variables.items()}


def of_ours(objects: list[Tree]) -> Iterator[Tree]:
    """Containers that run this package."""
    for one in objects:
        for pod in pods(one):
            yield from (found for found in containers(pod) if "command" not in found)


def test_settings_load_in_every_container(
    objects: list[Tree], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(objects, tmp_path)
    found = list(of_ours(objects))
    assert found
    for container in found:
        with monkeypatch.context() as patched:
            for name, value in environment(container).items():
                patched.setenv(name, value)
            patched.setenv("ATTENTION_CONFIG", str(files["attention.toml"]))
            settings = config.load()
        assert settings.http.host == "0.0.0.0"
        assert settings.kafka.spill_path.is_relative_to("/var/lib/attention-sidecar")


def test_an_engine_without_credentials_can_read_its_part(
    objects: list[Tree], tmp_path: Path
) -> None:
    files = written(objects, tmp_path)
    whole = files["attention.toml"].read_text()
    engine = config.load(file=files["engine.toml"])
    assert ("[engine]" in whole) == (engine.engine != config.Engine())
    assert ("[sampling]" in whole) == (engine.sampling != config.Sampling())


def test_every_command_is_one_of_ours(objects: list[Tree]) -> None:
    for container in of_ours(objects):
        command: click.Command = cli.main
        args = list(container["args"])
        while args and isinstance(command, click.Group):
            command = command.commands[args.pop(0)]
        context = command.make_context("attention-sidecar", args)
        assert context.params


def test_the_chart_s_own_test_reads_the_settings(
    objects: list[Tree], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container,) = named(objects, "Pod", "-test-settings")["spec"]["containers"]
    for name, value in environment(container).items():
        monkeypatch.setenv(name, value)
    file = written(objects, tmp_path)["attention.toml"]
    monkeypatch.setenv("ATTENTION_CONFIG", str(file))
    ran = CliRunner().invoke(cli.main, container["args"])
    assert ran.exit_code == 0, ran.output
    file.write_text("[http]\nprt = 1\n")
    ran = CliRunner().invoke(cli.main, container["args"])
    assert ran.exit_code == 1
    assert "http.prt" in ran.output


def test_baselines_and_certificates_are_mounted_where_settings_say(tmp_path: Path) -> None:
    monitor = next(values for values in CI if values.stem.startswith("monitor-"))
    (pod,) = pods(named(chart(monitor), "Deployment", "-monitor"))
    variables = environment(pod["containers"][0])
    mounts = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    for path in variables["ATTENTION_DRIFT__BASELINE"].split(","):
        assert str(Path(path).parent) in mounts
    archivers = next(values for values in CI if values.stem.startswith("archivers-"))
    objects = chart(archivers)
    (pod,) = pods(named(objects, "Deployment", "-archivers"))
    mounts = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    text = written(objects, tmp_path)["attention.toml"].read_text()
    assert 'tls_ca = "/etc/attention-sidecar-kafka/ca.crt"' in text
    assert {"/etc/attention-sidecar-kafka", "/var/lib/attention-sidecar/archive"} <= mounts


def test_certificates_of_the_collector_are_mounted_without_the_headers(tmp_path: Path) -> None:
    everything = next(values for values in CI if values.stem.startswith("everything-"))
    found = chart(everything)
    (pod,) = pods(named(found, "Deployment", "-monitor"))
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == "attention-otel"]
    assert volume["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    settings = written(found, tmp_path)["attention.toml"].read_text()
    assert f'certificate = "{mounts["attention-otel"]}/ca.crt"' in settings


def test_certificates_need_no_headers(tmp_path: Path) -> None:
    otel = {"existingSecret": "otel", "headersKey": "", "caKey": "ca.crt"}
    settings = {"otel": {"endpoint": "https://collector:4317"}}
    found = chart({"credentials": {"otel": otel}, "settings": settings}, tmp_path)
    (container,) = named(found, "Pod", "-test-settings")["spec"]["containers"]
    assert "ATTENTION_OTEL__HEADERS" not in environment(container)


def test_every_option_of_compaction_is_taken(
    tmp_path: Path,
) -> None:
    mounted = {"config", "path"}
    options = [one for one in compact.params if one.name not in mounted]
    args = [one.opts[0] + ("" if getattr(one, "is_flag", False) else "=2") for one in options]
    assert len(args) == 3
    values = {"compaction": {"enabled": True, "args": args}, "archive": {"existingClaim": "x"}}
    (pod,) = pods(named(chart(values, tmp_path), "CronJob"))
    assert pod["containers"][0]["args"] == ["archive", "compact", *args]
