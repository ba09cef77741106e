"""Where one run of the demo keeps its things, and the commands and settings of its processes."""

import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sidecar.demo.bundled import MODELS, WEIGHTS, digest
from sidecar.demo.faults import GROUNDED
from sidecar.demo.processes import DemoError, free_port
from sidecar.grafana.boards import generated

SERVED_NAME = "demo"
_CALIBRATION, _BASELINE, _ARCHIVE, _LOCK = "heads.json", "baseline.json", "archive", "demo.lock"
_DRIFT, _IDLE_SECONDS = "drift", 2.0
_PROMETHEUS, _SCRAPE_SECONDS = "prometheus.json", 5
_RULES = "prometheus/attention.rules.yaml"
_SAMPLING_RATE, _STRIDE, _BUDGET_MS_PER_S, _ROLL_SECONDS = 1.0, 4, 50.0, 5


@dataclass(frozen=True)
class Layout:
    """Folders and ports of one run."""

    folder: Path
    """Logs and archive; those of an earlier run are replaced."""
    runtime: Path
    """Sockets and token. In the system's temporary folder: a socket's path has to be short."""
    engine_port: int
    daemon_port: int

    @property
    def engine_url(self) -> str:
        """Base address of vLLM's API server."""
        return f"http://127.0.0.1:{self.engine_port}"

    @property
    def daemon_url(self) -> str:
        """Base address of the daemon."""
        return f"http://127.0.0.1:{self.daemon_port}"

    @property
    def archive(self) -> Path:
        """Folder of the Parquet archive."""
        return self.folder / _ARCHIVE

    @property
    def prometheus_file(self) -> Path:
        """Configuration of a Prometheus that scrapes daemon and engine, with our rules."""
        return self.folder / _PROMETHEUS

    def scrapes(self) -> dict[str, Any]:
        """What that file holds; Prometheus reads JSON, which is YAML."""
        targets = {"sidecar": self.daemon_port, "vllm": self.engine_port}
        return {
            "global": {"scrape_interval": f"{_SCRAPE_SECONDS}s"},
            "rule_files": [str(generated() / _RULES)],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                for job, port in targets.items()
            ],
        }

    def settings(self) -> dict[str, str]:
        """Settings of tap, daemon and queries, as environment variables."""
        return {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "ATTENTION_HTTP__PORT": str(self.daemon_port),
            "ATTENTION_ARCHIVE__PATH": str(self.archive),
            "ATTENTION_ARCHIVE__ROLL_SECONDS": str(_ROLL_SECONDS),
            "ATTENTION_SAMPLING__RATE": str(_SAMPLING_RATE),
            "ATTENTION_SAMPLING__STRIDE": str(_STRIDE),
            "ATTENTION_SAMPLING__BUDGET_MS_PER_S": str(_BUDGET_MS_PER_S),
            **_calibration(),
            **self._drift(),
        }

    def _drift(self) -> dict[str, str]:
        """Watch against the grounded model's baseline, where there is one."""
        if not baseline_file().is_file():
            return {}
        return {
            "ATTENTION_DRIFT__BASELINE": json.dumps([str(baseline_file())]),
            "ATTENTION_DRIFT__STATE_PATH": str(self.folder / _DRIFT),
            "ATTENTION_DRIFT__IDLE_SECONDS": str(_IDLE_SECONDS),
        }

    def engine_environment(self) -> dict[str, str]:
        """Environment of vLLM: offline, a small key/value cache, and one thread bound to no core.

        vLLM would bind its threads to the first cores, where those of other programs are bound too.
        """
        return {
            **self.settings(),
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }

    def engine_command(self, model: str, flags: Sequence[str] = ()) -> list[str]:
        """Start vLLM's API server with a bundled model, whose weights' hash is the revision.

        The CPU build's own `vllm` command does not start.
        """
        return [
            *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(MODELS / model), "--revision", revision(model)),
            *("--served-model-name", SERVED_NAME),
            *("--host", "127.0.0.1", "--port", str(self.engine_port)),
            *("--max-model-len", "4096"),
            "--enforce-eager",
            *("--middleware", "sidecar.tap.middleware.AttentionMiddleware"),
            *flags,
        ]

    def daemon_command(self) -> list[str]:
        """Start the sidecar daemon."""
        return [*sidecar_command(), "daemon"]

    def query_command(self, sql: str) -> list[str]:
        """Run one query over the archive."""
        return [*sidecar_command(), "query", "--archive", str(self.archive), sql]


def calibration_file() -> Path:
    """Where the grounded model's calibrated heads are."""
    return MODELS / GROUNDED / _CALIBRATION


def baseline_file() -> Path:
    """Where the grounded model's baseline is."""
    return MODELS / GROUNDED / _BASELINE


def _calibration() -> dict[str, str]:
    """The grounded model's calibrated heads, with which a fine-tune that is rolled out is seen too.

    None where it is shipped without.
    """
    file = calibration_file()
    if not file.is_file():
        return {}
    return {
        "ATTENTION_HEADS__CALIBRATIONS": json.dumps([str(file)]),
        "ATTENTION_HEADS__OTHER_REVISIONS": "true",
    }


def revision(model: str) -> str:
    """What the engine and every sample call a bundled model: its name and its weights' hash.

    Raises DemoError where there is no such model.
    """
    weights = MODELS / model / WEIGHTS
    if not weights.is_file():
        make = f"python -m sidecar.demo.train {model} --out {weights.parent}"
        raise DemoError(f"the model {model!r} is missing: no {weights}; `{make}` trains it")
    return f"{model}-{digest(weights.parent)[:12]}"


def sidecar_command() -> list[str]:
    """The command line of this package, run by this interpreter."""
    return [sys.executable, "-c", "from sidecar.cli import main; main()"]


@contextmanager
def prepared(folder: Path) -> Iterator[Layout]:
    """The folder for one run alone, without the last one's archive, and two free ports.

    The private runtime folder is removed at the end; logs and archive stay. Raises DemoError when
    the folder cannot be used, another demo runs in it, or its archive was made by none.
    """
    with _opened(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"another demo runs in {str(folder)!r}: end it first, or give another --folder"
            ) from None
        for name in (_ARCHIVE, _DRIFT):
            shutil.rmtree(folder / name, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="attention-demo-") as runtime:
            layout = Layout(folder, Path(runtime), free_port(), free_port())
            layout.prometheus_file.write_text(json.dumps(layout.scrapes(), indent=2))
            yield layout


def _opened(folder: Path) -> IO[str]:
    """The file that tells that a demo has been here, and whose lock tells that one is."""
    archive, lock = folder / _ARCHIVE, folder / _LOCK
    try:
        if os.path.lexists(archive) and not lock.is_file():
            raise DemoError(
                f"{str(archive)!r} was not made by a demo and would be deleted: give another "
                "--folder, or remove it yourself"
            )
        folder.mkdir(parents=True, exist_ok=True)
        return lock.open("a")
    except OSError as error:
        raise DemoError(
            f"--folder {str(folder)!r} cannot be used: {error.strerror}; "
            "give one that can be made and written to"
        ) from None
