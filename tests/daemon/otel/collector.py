"""A real OpenTelemetry collector, and what it passes on."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sidecar.demo.processes import free_port
from tests.waiting import eventually

CONFIGURATION = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: 127.0.0.1:{grpc}}}
      http: {{endpoint: 127.0.0.1:{http}}}
exporters:
  debug: {{verbosity: detailed}}
  otlp_http:
    endpoint: http://127.0.0.1:{receiver}
    encoding: json
    compression: none
    sending_queue: {{enabled: false}}
    retry_on_failure: {{enabled: false}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    logs: {{receivers: [otlp], exporters: [debug, otlp_http]}}
    traces: {{receivers: [otlp], exporters: [debug, otlp_http]}}
    metrics: {{receivers: [otlp], exporters: [debug, otlp_http]}}
"""
"""Nothing is queued: what a sender is told to be taken has been passed on."""


@dataclass
class Item:
    """A log record or a span, its attributes and its resource's flattened."""

    raw: dict[str, Any]
    attributes: dict[str, Any]
    resource: dict[str, Any]


class Receiver:
    """Keeps the JSON that the collector passes on."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.delay = 0.0
        """Seconds before an answer."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.bodies.append((self.path, body))
                receiver.headers.append(dict(self.headers.items()))
                time.sleep(receiver.delay)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def events(self) -> list[Item]:
        return self._items("/v1/logs", "resourceLogs", "scopeLogs", "logRecords")

    def spans(self) -> list[Item]:
        return self._items("/v1/traces", "resourceSpans", "scopeSpans", "spans")

    def metrics(self) -> list[dict[str, Any]]:
        found = self._scopes("/v1/metrics", "resourceMetrics", "scopeMetrics")
        return [metric for _, scope in found for metric in scope["metrics"]]

    def _items(self, path: str, resources: str, scopes: str, items: str) -> list[Item]:
        return [
            Item(item, flat(item.get("attributes", [])), resource)
            for resource, scope in self._scopes(path, resources, scopes)
            for item in scope[items]
        ]

    def _scopes(self, path: str, resources: str, scopes: str) -> list[tuple[Any, Any]]:
        return [
            (flat(of_resource["resource"].get("attributes", [])), scope)
            for where, body in list(self.bodies)
            if where == path
            for of_resource in json.loads(body)[resources]
            for scope in of_resource[scopes]
        ]


def flat(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """OTLP's list of attributes as a dictionary."""
    return {found["key"]: _plain(found["value"]) for found in attributes}


def _plain(value: dict[str, Any]) -> Any:
    [(kind, found)] = value.items()
    if kind == "arrayValue":
        return [_plain(part) for part in found["values"]]
    return int(found) if kind == "intValue" else found


@dataclass
class Collector:
    """The collector's process; it may be killed and started again on the same ports."""

    program: Path
    folder: Path
    receiver: Receiver = field(default_factory=Receiver)
    grpc: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "otelcol.log"

    def start(self) -> None:
        file = self.folder / "otelcol.yaml"
        ports = {"grpc": self.grpc, "http": self.http, "receiver": self.receiver.port}
        file.write_text(CONFIGURATION.format(**ports))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--config", file], stdout=log, stderr=log
            )
        eventually(self._listens)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def _listens(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log.read_text()
        try:
            for port in (self.grpc, self.http):
                socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True


@contextmanager
def running(program: Path, folder: Path) -> Iterator[Collector]:
    """A collector until the end of the block."""
    collector = Collector(program, folder)
    try:
        collector.start()
        yield collector
    finally:
        collector.kill()
        collector.receiver.close()
