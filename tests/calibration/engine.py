"""In the place of vLLM with a tap: answers the chat API, and sends samples with planted heads."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from sidecar import config, wire
from sidecar.config import Sampling
from tests.daemon.synthetic import Tap, batch_of

STEPS = 3
COPYING = ((1, 2), (2, 0))
LAYERS, HEADS = 3, 8


class Engine:
    """One tap that follows the daemon's settings, and a model that knows some answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.knows = lambda number: number % 4 != 0
        self.announced: list[Sampling] = []
        self._tap = Tap(layers=range(LAYERS), heads=HEADS, documents=2)
        self._lock = threading.Lock()
        self._outbox: list[list[bytes]] = []
        self.stop = threading.Event()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the chat API answers; the samples go out beside it."""
        tags = body["attention"]["tags"]
        number = int(tags["prompt"])
        with self._lock:
            rows = [self._sample(step, tags) for step in range(STEPS)]
            self._outbox.append([wire.SAMPLES, wire.encode_batch(batch_of(rows))])
        text = "It costs 4." if self.knows(number) else "I do not know."
        usage = {"completion_tokens": STEPS}
        return {"choices": [{"message": {"content": text}}], "usage": usage}

    def _sample(self, step: int, tags: dict[str, str]) -> dict[str, Any]:
        row = self._tap.sample(step=step, tags=list(tags.items()), model_revision="r1")
        inside = np.zeros((LAYERS, HEADS), dtype=bool)
        inside[tuple(zip(*COPYING, strict=True))] = True
        document = row["segment_start"][row["segment_role"].index("context")]
        argmax = np.where(inside, document, 1).ravel().astype(np.int32)
        return row | {"argmax": argmax, "copied": [True] * inside.size}

    def talk(self) -> None:
        """The tap's side of the wire, until told to stop."""
        addresses = config.load().wire
        with zmq.Context() as context:
            samples, control = context.socket(zmq.PUSH), context.socket(zmq.SUB)
            samples.linger = control.linger = 0
            samples.connect(addresses.samples)
            control.connect(addresses.control)
            control.subscribe(b"")
            while not self.stop.wait(0.05):
                while control.poll(0):
                    payload = control.recv_multipart()[1]
                    self.announced.append(Sampling.model_validate_json(payload))
                with self._lock:
                    waiting, self._outbox = self._outbox, []
                for message in waiting:
                    samples.send_multipart(message)
                if self.announced:
                    samples.send_multipart(self._tap.status(sampling=self.announced[-1]))
            samples.close()
            control.close()


@contextmanager
def serving() -> Iterator[Engine]:
    """A running engine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = engine.answer(body) if engine.status == 200 else {"error": "out of order"}
            payload = json.dumps(found).encode()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(engine.status)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    engine = Engine(f"http://127.0.0.1:{server.server_port}")
    threads = [threading.Thread(target=work) for work in (server.serve_forever, engine.talk)]
    for thread in threads:
        thread.start()
    try:
        yield engine
    finally:
        engine.stop.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()


def write_prompts(file: Path, count: int) -> Path:
    """Questions about one document."""
    text = "Tin costs 4."
    documents = [{"id": "tin", "text": text}]
    with file.open("w") as lines:
        for number in range(count):
            messages = [{"role": "user", "content": f"{text}\nWhat do {number} of tin cost?"}]
            prompt = {"messages": messages, "documents": documents, "answer": "costs 4"}
            lines.write(f"{json.dumps(prompt)}\n")
    return file
