"""A real Prometheus, with a history or with things to scrape, and a real Alertmanager."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from sidecar.demo.processes import Child, answers, free_port
from tests.dashboards import history


def backfill(promtool: Path, folder: Path, end: int) -> None:
    """Write a database with the made-up history."""
    file = folder / "history.txt"
    history.write(file, end)
    made = ("tsdb", "create-blocks-from", "openmetrics")
    command: list[str | Path] = [promtool, *made, file, folder / "data"]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def prometheus(
    program: Path,
    folder: Path,
    targets: Mapping[str, str] | None = None,
    *,
    rules: Path | None = None,
    alertmanager: str | None = None,
) -> Iterator[str]:
    """A Prometheus that scrapes ``targets`` (job → host:port) every second; gives its address."""
    tree: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)] if rules else [],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in (targets or {}).items()
        ],
    }
    if alertmanager:
        managers = [{"static_configs": [{"targets": [alertmanager]}]}]
        tree["alerting"] = {"alertmanagers": managers}
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(tree))
    port = free_port()
    command = [
        *(str(program), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=10y"),
    ]
    url = f"http://127.0.0.1:{port}"
    with Child("Prometheus", command, env={}, log=folder / "prometheus.log") as child:
        child.wait_until(lambda: answers(f"{url}/-/ready"), seconds=120, what="the start")
        yield url


@contextmanager
def alertmanager(program: Path, folder: Path, configuration: Mapping[str, Any]) -> Iterator[str]:
    """An Alertmanager on loopback, without a cluster; gives host:port."""
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(dict(configuration)))
    address = f"127.0.0.1:{free_port()}"
    command = [
        *(str(program), f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}"),
        *(f"--web.listen-address={address}", "--cluster.listen-address="),
    ]
    with Child("Alertmanager", command, env={}, log=folder / "alertmanager.log") as child:
        ready = f"http://{address}/-/ready"
        child.wait_until(lambda: answers(ready), seconds=120, what="the start")
        yield address


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where alerts end; gives its address and what came so far."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", taken
    finally:
        server.shutdown()
        server.server_close()
