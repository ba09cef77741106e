"""A stand-in for Prometheus's two query endpoints, for tests of what is asked and what is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@contextmanager
def answering(body: Any = None) -> Iterator[tuple[str, list[str]]]:
    """Its address and the queries it was asked; without a ``body``, no query has a series.

    It knows the values `shop` and `*` of every label.
    """
    asked: list[str] = []
    empty = {"status": "success", "data": {"resultType": "vector", "result": []}}
    content = json.dumps(empty if body is None else body).encode()

    values = json.dumps({"status": "success", "data": ["*", "shop"]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(urlsplit(self.path).path)
            self._answer(values)

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            asked.extend(parse_qs(self.rfile.read(length).decode())["query"])
            self._answer(content)

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
