"""An engine in this process with the tap, a live daemon beside it, and a switch that removes both.

Run with one OpenMP thread, as vLLM itself would on two cores: it keeps a core for everything else.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from sidecar.config import Sampling
from sidecar.demo.layout import sidecar_command
from sidecar.demo.processes import Child, answers, free_port

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is loaded, so it is set before
TOKEN = "benchmark"
SETTINGS = {"ATTENTION_SAMPLING__RATE": "0", "ATTENTION_HTTP__TOKEN": TOKEN}
"""Of tap and daemon; the rest are defaults, and the rate is set for each block."""
OPTIONS = {
    "dtype": "bfloat16",
    "max_model_len": 2048,
    "max_num_seqs": 16,
    "num_gpu_blocks_override": None,
}


class Daemon:
    """A daemon with default settings and a folder of its own."""

    def __init__(self, child: Child, url: str) -> None:
        self._child, self._url = child, url

    def sample(self, sampling: Sampling) -> None:
        """Change the sampling settings."""
        httpx.patch(
            f"{self._url}/v1/sampling",
            json=sampling.model_dump(),
            headers={"Authorization": f"Bearer {TOKEN}"},
        ).raise_for_status()

    def signal(self, number: signal.Signals) -> None:
        """Stop or continue it."""
        process = self._child._process
        assert process
        process.send_signal(number)


@contextmanager
def running(folder: Path) -> Iterator[Daemon]:
    """Start a daemon on the sockets in this runtime folder."""
    port = free_port()
    places = {
        "ATTENTION_HTTP__PORT": str(port),
        "ATTENTION_ARCHIVE__PATH": str(folder / "archive"),
    }
    url = f"http://127.0.0.1:{port}"
    command = [*sidecar_command(), "daemon"]
    with Child("the daemon", command, env=places, log=folder / "daemon.log") as child:
        child.wait_until(lambda: answers(f"{url}/health/live"), seconds=60, what="the start")
        yield Daemon(child, url)


class TappedEngine:
    """The engine, its tap and the daemon; `sample` and `remove` say what holds next."""

    def __init__(self, llm: Any, beside: Daemon) -> None:
        self.llm = llm
        self.core = llm.llm_engine
        executor = self.core.engine_core.engine_core.model_executor
        runner = executor.driver_worker.worker.model_runner
        self.hooks = runner.attention_sidecar
        self._daemon = beside
        self._wrapped = [(runner, "execute_model"), (runner, "sample_tokens")]
        self._wrapped += [(layer.module.impl, "forward") for layer in self.tap.adapter.layers()]
        self._removed: list[Any] = []

    @property
    def tap(self) -> Any:
        return self.hooks.tap

    def sample(self, **sampling: Any) -> None:
        """Put the hooks back, wake the daemon, and set sampling through its HTTP API."""
        self._restore()
        wanted = Sampling(**{"budget_ms_per_s": 0.0} | sampling)
        self._daemon.sample(wanted)
        self._until(lambda: self.tap._wanted == wanted)  # layers follow with the next step

    def remove(self) -> None:
        """As with ``ATTENTION_TAP=off``: no hook, no sender, and the daemon stands still."""
        if not self._removed:
            self._removed = [vars(target).pop(name) for target, name in self._wrapped]
            self.hooks.emitter.stop()
            self._daemon.signal(signal.SIGSTOP)

    def drain(self) -> None:
        """Wait until the sender has sent everything."""
        self._until(lambda: not self.hooks.emitter.depth)

    def rest(self) -> None:
        """Let what a block left behind be done before the next begins."""
        self.drain()
        time.sleep(0.2)
        self.tap.requests.active.clear()

    def _restore(self) -> None:
        if not self._removed:
            return
        for (target, name), wrapper in zip(self._wrapped, self._removed, strict=True):
            setattr(target, name, wrapper)
        self._removed = []
        self._daemon.signal(signal.SIGCONT)
        self.hooks.emitter = _sender(self.hooks)
        self.hooks.emitter.start()

    def _until(self, done: Any) -> None:
        deadline = time.monotonic() + 20
        while not done():
            assert time.monotonic() < deadline, "the tap and the daemon do not meet"
            time.sleep(0.01)


def _sender(hooks: Any) -> Any:
    from sidecar.tap.emit import Emitter
    from sidecar.tap.status import status

    settings, tap = hooks.tap.settings, hooks.tap
    return Emitter(
        settings.wire, settings.engine.queue, lambda: status(tap, hooks.emitter), tap.apply
    )


@contextmanager
def tapped(model: Path, **options: Any) -> Iterator[TappedEngine]:
    """Start both; ``options`` go to vLLM. Once a process: the tap reads its environment."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_RUNTIME_DIR": folder} | SETTINGS
        from tests.engine import local

        with running(Path(folder)) as beside:
            yield TappedEngine(local.bare(model, **OPTIONS | options), beside)
