"""Settings: flags win over the environment, that over the file; every error names its field."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import config, sources
from sidecar.config import Sampling, Settings, SettingsError


def settings_file(folder: Path, text: str) -> Path:
    file = folder / "attention.toml"
    file.write_text(text)
    return file


def test_flags_win_over_environment_over_file_over_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings_file(tmp_path, "[sampling]\nrate = 0.2\nstride = 2\nbudget_ms_per_s = 2")
    monkeypatch.setenv("ATTENTION_SAMPLING__RATE", "0.3")
    monkeypatch.setenv("ATTENTION_SAMPLING__STRIDE", "3")
    sampling = config.load({"sampling": {"rate": 0.4}}, file=file).sampling
    assert sampling == Sampling(rate=0.4, stride=3, budget_ms_per_s=2, layers="auto")


def test_a_named_file_leaves_the_environment_alone(tmp_path: Path) -> None:
    before = dict(os.environ)
    file = settings_file(tmp_path, "[http]\nport = 1234")
    assert config.load(file=file).http.port == 1234
    assert dict(os.environ) == before
    assert config.load().http.port == 9464


def test_the_environment_names_the_file_and_an_argument_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTENTION_CONFIG", str(settings_file(tmp_path, "[http]\nport = 1")))
    assert config.load().http.port == 1
    other = tmp_path / "other.toml"
    other.write_text("[http]\nport = 2")
    assert config.load(file=other).http.port == 2


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ATTENTION_SAMPLNG__RATE", "1", "did you mean ATTENTION_SAMPLING__RATE?"),
        ("ATTENTION_SAMPLING_RATE", "1", "did you mean ATTENTION_SAMPLING__RATE?"),
        ("attention_sampling__rate", "1", "did you mean ATTENTION_SAMPLING__RATE?"),
        ("ATTENTION_HTTP_PORT", "80", "did you mean ATTENTION_HTTP__PORT?"),
        ("ATTENTION_XYZZY", "1", "unknown setting"),
        ("ATTENTION_SAMPLING__LAYERS", "[1", "is not JSON"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: ") as error:
        config.load()
    assert told in str(error.value)


def test_other_programs_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_TAP", "off")
    monkeypatch.setenv("ATTENTION_SIDECAR_PORT", "tcp://10.0.0.7:9464")
    monkeypatch.setenv("ATTENTION_SIDECAR_PORT_9464_TCP_ADDR", "10.0.0.7")
    monkeypatch.setenv("ATTENTION_SIDECAR_SERVICE_PORT", "9464")
    monkeypatch.setenv("ATTENTIONAL", "yes")
    assert config.load() == Settings()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("sampling.rate", 7, "less than or equal to 1, got 7"),
        ("sampling.rate", float("nan"), "got nan"),
        ("sampling.stride", "often", "got 'often'"),
        ("sampling.layers", [-1], "'every:N', 'all' or 'auto', got [-1]"),
        ("sampling.layers", [], "'every:N', 'all' or 'auto', got []"),
        ("sampling.layers", "every:0", "'every:N', 'all' or 'auto', got 'every:0'"),
        ("engine.markers", ["(?P<id>"], "is not a regular expression"),
        ("engine.markers", [r"\[(\d+)\]"], "should have a group (?P<id>…)"),
        ("wire.samples", "9465", "got '9465'"),
        ("http.port", -1, "greater than or equal to 0, got -1"),
        ("metrics.labels", ["a-b"], "got 'a-b'"),
        ("archive.roll_seconds", 0, "greater than 0, got 0"),
        ("otel.endpoint", "localhost:4317", "begins with http:// or https://"),
        ("otel.endpoint", "https://me:pass@host:4317", "without user and password"),
        ("otel.protocol", "udp", "'grpc' or 'http', got 'udp'"),
        ("otel.outliers", ["contxt_share < 0.1"], "'contxt_share' is no signal"),
        ("otel.outliers", ["context_share"], "got 'context_share'"),
        ("otel.outliers", ["context_share < 2"], "a number from 0 to 1"),
        ("otel.queue", 5, "greater than or equal to 512, got 5"),
        ("kafka.bootstrap_servers", ["broker"], "should be host:port, got 'broker'"),
        ("kafka.samples_topic", "..", "neither '.' nor '..', got '..'"),
        ("kafka.samples_topic", "a b", "got 'a b'"),
        ("kafka.alerts_topic", "attention_samples", "should differ from kafka.samples_topic"),
        ("kafka.tls_ca", "/ca.pem", "should come with kafka.tls=true, got '/ca.pem'"),
        ("kafka.tls_certificate", "/c.pem", "should come with kafka.tls=true, got '/c.pem'"),
        ("daemon.log_level", "loud", "'debug', 'info', 'warning' or 'error', got 'loud'"),
        ("daemon.log", "info", "did you mean daemon.log_level?"),
        ("daemons", {}, "did you mean daemon."),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(field: str, value: Any, told: str) -> None:
    section, _, name = field.partition(".")
    with pytest.raises(SettingsError, match=f"^{field}") as error:
        config.load({section: {name: value} if name else value})
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"username": "ada"}, "sasl_mechanism: should be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-"),
        ({"username": "ada", "password": "pa55"}, "where kafka.username is given, got None"),
        ({"sasl_mechanism": "PLAIN", "username": "ada"}, "kafka.password, got 'PLAIN'"),
        ({"tls": True, "tls_key": "/k.pem"}, "tls_key: should come with kafka.tls_certificate"),
        ({"samples_topic": "attention.archive"}, "archive_topic: should differ from kafka.samples"),
    ],
)
def test_a_setting_of_kafka_that_lacks_another_is_refused(given: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=r"^kafka\.") as error:
        config.load({"kafka": given})
    assert told in str(error.value)
    assert "pa55" not in str(error.value)


def test_a_password_that_can_be_read_on_the_network_is_warned_of() -> None:
    access = {"username": "ada", "password": "pa55", "sasl_mechanism": "PLAIN"}
    assert "sends the password in clear" in config.Kafka(**access).warning
    assert not config.Kafka(**access, tls=True).warning
    assert not config.Kafka(**access | {"sasl_mechanism": "SCRAM-SHA-256"}).warning


@pytest.mark.parametrize("name", ["otel.headers", "http.token"])
def test_a_wrong_secret_is_not_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    section, _, field = name.partition(".")
    with pytest.raises(SettingsError, match=rf"^{name}: .* got \*\*\*\*\*$"):
        config.load({section: {field: ["s3cret"]}})
    monkeypatch.setenv(sources.variable(name), '{"authorization": "s3cret"')
    with pytest.raises(SettingsError, match=r"\*\*\*\*\* is not JSON") as error:
        config.load()
    assert "s3cret" not in str(error.value)


def test_headers_are_secret_wherever_settings_are_shown() -> None:
    otel = config.load({"otel": {"headers": {"authorization": "s3cret"}}}).otel
    assert otel.headers["authorization"].get_secret_value() == "s3cret"
    assert "s3cret" not in f"{otel!r} {otel.model_dump(mode='json')}"


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        config.load({"sampling": {"rate": 2, "stride": 0}, "http": {"port": 1e6}})
    named = [line.partition(":")[0] for line in str(error.value).splitlines()]
    assert named == ["sampling.rate", "sampling.stride", "http.port"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sampling\nrate = 1", "is not TOML: .* line 1"),
        ("sampling = 3", "^sampling: .* got 3"),
        ("[sampling]\nrat = 1", r"^sampling\.rat: .* did you mean sampling\.rate\?"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "attention.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError, match=told):
        config.load(file=file)


def test_a_missing_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTENTION_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match=r"none\.toml' does not exist"):
        config.load()
    with pytest.raises(SettingsError, match="cannot be read"):
        config.load(file=tmp_path)


def test_sockets_are_in_the_users_runtime_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    folder = f"/run/user/7/attention-sidecar-{os.getuid()}"
    wire = config.load().wire
    assert (wire.samples, wire.control) == (f"ipc://{folder}/samples", f"ipc://{folder}/control")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
words = st.text("abcdefg_", min_size=1, max_size=5)
sections, fields = zip(*(name.split(".") for name in config.names()), strict=True)
section_trees = st.dictionaries(
    words | st.sampled_from(fields), scalars | st.lists(scalars, max_size=2), max_size=3
)


@given(st.dictionaries(words | st.sampled_from(sections), scalars | section_trees, max_size=3))
def test_any_tree_is_read_or_refused_by_name(tree: dict[str, Any]) -> None:
    try:
        config.load(tree)
    except SettingsError as error:
        for line in str(error).split("\n"):
            assert line.partition(":")[0].partition(".")[0] in tree


@given(st.floats(0, 1), st.integers(1, 10**9), st.lists(st.integers(0, 200), min_size=1))
def test_the_environment_carries_any_right_value(
    rate: float, stride: int, layers: list[int]
) -> None:
    environ = {
        "ATTENTION_SAMPLING__RATE": repr(rate),
        "ATTENTION_SAMPLING__STRIDE": str(stride),
        "ATTENTION_SAMPLING__LAYERS": json.dumps(layers),
    }
    tree = sources.from_environment(environ, config.names())
    sampling = Settings.model_validate(tree).sampling
    assert (sampling.rate, sampling.stride, sampling.layers) == (rate, stride, layers)
