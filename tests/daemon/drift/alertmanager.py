"""A real Alertmanager, and the webhook that it calls."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from sidecar.demo.processes import free_port
from tests.waiting import eventually

CONFIGURATION = """
route:
  receiver: on-call
  group_by: [alertname, model_name]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: on-call
    webhook_configs:
      - url: http://127.0.0.1:{port}/
        send_resolved: true
"""


class Webhook:
    """Keeps the notifications."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                webhook.calls.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def alerts(self) -> list[tuple[str, str]]:
        """Route and status of each alert in each call."""
        return [
            (one["labels"]["route"], one["status"]) for call in self.calls for one in call["alerts"]
        ]


@dataclass
class Alertmanager:
    """Its process; it may be killed and started again on the same port."""

    program: Path
    folder: Path
    webhook: Webhook = field(default_factory=Webhook)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        file = self.folder / "alertmanager.yml"
        file.write_text(CONFIGURATION.format(port=self.webhook.port))
        flags = [f"--config.file={file}", f"--storage.path={self.folder / 'alertmanager'}"]
        flags += [f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="]
        with (self.folder / "alertmanager.log").open("ab") as log:
            self.process = subprocess.Popen([self.program, *flags], stdout=log, stderr=log)
        eventually(self._ready)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v2/alerts", timeout=30).json()
        return found

    def _ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "alertmanager.log").read_text()
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=30).is_success
        except httpx.TransportError:
            return False


@contextmanager
def running(program: Path, folder: Path) -> Iterator[Alertmanager]:
    """An Alertmanager until the end of the block."""
    started = Alertmanager(program, folder)
    try:
        started.start()
        yield started
    finally:
        started.kill()
        started.webhook.close()
