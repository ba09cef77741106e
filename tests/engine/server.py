"""A real vLLM API server with the tap, a real daemon, and a collector in the daemon's place."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import zmq
from openai import OpenAI

from sidecar import wire
from sidecar.config import Sampling
from sidecar.demo.processes import Child, answers, free_port

EVERY_STEP = {"rate": 1.0, "stride": 1, "budget_ms_per_s": 0.0, "layers": "all"}


@dataclass
class Server:
    """vLLM's API server; its tap talks to whoever binds ``wire``."""

    url: str
    wire: dict[str, str]
    log: Path

    @property
    def client(self) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key="none", timeout=120, max_retries=0)


@contextmanager
def serve(
    model: Path, folder: Path, *options: str, python: str = sys.executable, **environment: str
) -> Iterator[Server]:
    """Start the server with ``python``; ``environment`` is added to its own."""
    port = free_port()
    addresses = {
        "ATTENTION_WIRE__SAMPLES": f"ipc://{folder}/s",
        "ATTENTION_WIRE__CONTROL": f"ipc://{folder}/c",
    }
    command = [
        *(python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", "demo", "--host", "127.0.0.1", "--port", str(port)),
        *("--enforce-eager", "--dtype", "float32", "--max-model-len", "8192"),
        *("--middleware", "sidecar.tap.middleware.AttentionMiddleware", *options),
    ]
    common = {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    log = folder / "vllm.log"
    url = f"http://127.0.0.1:{port}"
    with Child("vLLM", command, env=common | addresses | environment, log=log) as child:
        child.wait_until(lambda: answers(f"{url}/health"), seconds=300, what="the start")
        yield Server(url, addresses, log)


@dataclass
class Collector:
    """Stands where the daemon would: announces sampling settings and keeps what comes."""

    samples: Any
    control: Any
    rows: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[wire.TapStatus] = field(default_factory=list)

    def announce(self, **sampling: Any) -> None:
        payload = Sampling(**EVERY_STEP | sampling).model_dump_json().encode()
        self.control.send_multipart([wire.SAMPLING, payload])

    def collect(self, seconds: float, enough: int) -> list[dict[str, Any]]:
        """The rows that arrived, after there are ``enough`` or ``seconds`` are over."""
        deadline = time.monotonic() + seconds
        while len(self.rows) < enough and self._receive(deadline - time.monotonic()):
            pass
        return self.rows

    def settle(self, **sampling: Any) -> None:
        """Announce settings until the tap says they are in force, and forget what came before."""
        wanted = Sampling(**EVERY_STEP | sampling)
        deadline = time.monotonic() + 20
        while not (self.statuses and self.statuses[-1].sampling == wanted):
            assert time.monotonic() < deadline, "the tap never took the settings"
            self.announce(**sampling)
            self._receive(0.5)
        self.rows.clear()

    def _receive(self, seconds: float) -> bool:
        if not self.samples.poll(max(0, int(seconds * 1000))):
            return False
        tag, payload = self.samples.recv_multipart()
        if tag == wire.STATUS:
            self.statuses.append(wire.TapStatus.model_validate_json(payload))
        else:
            self.rows += wire.decode_batch(payload).to_pylist()
        return True


@contextmanager
def collect(server: Server) -> Iterator[Collector]:
    """Bind the server's wire."""
    with zmq.Context() as context:
        samples, control = context.socket(zmq.PULL), context.socket(zmq.PUB)
        samples.linger = control.linger = 0
        samples.bind(server.wire["ATTENTION_WIRE__SAMPLES"])
        control.bind(server.wire["ATTENTION_WIRE__CONTROL"])
        try:
            yield Collector(samples, control)
        finally:
            samples.close()
            control.close()


@dataclass
class Daemon:
    """A running `attention-sidecar daemon`."""

    url: str
    token: str
    archive: Path
    child: Child

    def status(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/v1/status", timeout=10).raise_for_status().json())

    def metrics(self) -> str:
        return httpx.get(f"{self.url}/metrics", timeout=10).raise_for_status().text

    def sample(self, **sampling: Any) -> None:
        """Change the sampling settings."""
        headers = {"Authorization": f"Bearer {self.token}"}
        httpx.patch(f"{self.url}/v1/sampling", json=sampling, headers=headers).raise_for_status()

    def signal(self, number: signal.Signals) -> None:
        process = self.child._process
        assert process
        os.kill(process.pid, number)


@contextmanager
def daemon(server: Server, folder: Path, **settings: str) -> Iterator[Daemon]:
    """Start a daemon on the server's wire; ``settings`` are further environment variables."""
    port = free_port()
    environment = server.wire | {
        "ATTENTION_HTTP__PORT": str(port),
        "ATTENTION_HTTP__TOKEN": "secret-token",
        "ATTENTION_ARCHIVE__PATH": str(folder / "archive"),
        "ATTENTION_ARCHIVE__ROLL_SECONDS": "1",
        "ATTENTION_SAMPLING__RATE": "1.0",
        "ATTENTION_SAMPLING__STRIDE": "1",
        "ATTENTION_SAMPLING__BUDGET_MS_PER_S": "0",
    }
    command = [str(Path(sys.executable).with_name("attention-sidecar")), "daemon"]
    url = f"http://127.0.0.1:{port}"
    log = folder / f"daemon-{port}.log"
    with Child("the daemon", command, env=environment | settings, log=log) as child:
        child.wait_until(lambda: answers(f"{url}/health/live"), seconds=60, what="the start")
        yield Daemon(url, "secret-token", folder / "archive", child)
