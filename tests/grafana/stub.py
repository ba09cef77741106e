"""Grafana's documented endpoints that publishing uses, written from its HTTP API reference.

No Grafana can be installed where the tests run; this stub keeps what it is sent, as Grafana does,
and adds the fields that Grafana adds. Nothing but tests uses it.
"""

import json
import re
import threading
import time
from contextlib import AbstractContextManager, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "secret-token"
Answer = tuple[int, Any]


class Stub:
    """What one Grafana holds, and how it misbehaves."""

    def __init__(self) -> None:
        self.datasources: dict[str, Any] = {
            "prom-1": {"uid": "prom-1", "name": "Main", "type": "prometheus"},
            "loki-1": {"uid": "loki-1", "name": "Logs", "type": "loki"},
        }
        self.folders: dict[str, Any] = {}
        self.dashboards: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.contacts: dict[str, Any] = {}
        self.annotations: list[Any] = []
        self.requests: list[str] = []
        self.failures: list[int] = []
        """Statuses of the next answers; each is used once."""
        self.failure_body: Any = {"message": "asked to fail"}
        self.retry_after: str | None = None
        """Header of the answers with status 429."""
        self.lost = 0
        """Writes that are done and then answered by 504, as by a proxy that waits too short."""
        self.delay = 0.0
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                authorized = self.headers["authorization"] == f"Bearer {TOKEN}"
                status, found = stub.answer(self.command, self.path, body, authorized)
                time.sleep(stub.delay)
                content = json.dumps(found).encode()
                try:
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    if status == 429 and stub.retry_after:
                        self.send_header("retry-after", stub.retry_after)
                    self.send_header("content-length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    return  # the client gave up, which is what a time-out is

            do_GET = do_POST = do_PUT = _answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def writes(self) -> list[str]:
        return [request for request in self.requests if not request.startswith("GET")]

    def answer(self, method: str, target: str, body: Any, authorized: bool) -> Answer:
        parts = urlsplit(target)
        self.requests.append(f"{method} {parts.path}")
        if self.failures:
            return self.failures.pop(0), self.failure_body
        if not authorized:
            return 401, {"message": "Invalid API key"}
        for pattern, route in ROUTES.items():
            match = re.fullmatch(f"{method} /api{pattern}", f"{method} {parts.path}")
            if match and (found := getattr(self, f"_{method.lower()}_{route}", None)):
                answer: Answer = found(body, parse_qs(parts.query), *match.groups())
                return self._lost(method) or answer
        return 404, {"message": "Not found"}

    def _lost(self, method: str) -> Answer | None:
        if method == "GET" or not self.lost:
            return None
        self.lost -= 1
        return 504, {"message": "Gateway Timeout"}

    def _get_health(self, _body: Any, _query: Any) -> Answer:
        return 200, {"commit": "087143285", "database": "ok", "version": "11.0.0"}

    def _get_datasource(self, _body: Any, _query: Any, uid: str) -> Answer:
        return _found(self.datasources, uid)

    def _get_datasources(self, _body: Any, _query: Any) -> Answer:
        return 200, list(self.datasources.values())

    def _get_folder(self, _body: Any, _query: Any, uid: str) -> Answer:
        return _found(self.folders, uid)

    def _post_folders(self, body: Any, _query: Any) -> Answer:
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with that uid already exists"}
        self.folders[body["uid"]] = body | {"id": 1, "version": 1, "canEdit": True}
        return 200, self.folders[body["uid"]]

    def _put_folder(self, body: Any, _query: Any, uid: str) -> Answer:
        if body["version"] != self.folders[uid]["version"]:
            return 412, {"message": "the folder has been changed by someone else"}
        self.folders[uid] |= {"title": body["title"], "version": body["version"] + 1}
        return 200, self.folders[uid]

    def _get_dashboard(self, _body: Any, _query: Any, uid: str) -> Answer:
        return _found(self.dashboards, uid)

    def _post_dashboards(self, body: Any, _query: Any) -> Answer:
        sent = body["dashboard"]
        held = self.dashboards.get(sent["uid"])
        version = held["dashboard"]["version"] if held else 0
        if not body["overwrite"] and sent.get("version", 0) != version:
            message = "The dashboard has been changed by someone else"
            return 412, {"status": "version-mismatch", "message": message}
        stored = sent | {"id": 7, "version": version + 1}
        meta = {"folderUid": body["folderUid"], "slug": "x", "provisioned": False}
        self.dashboards[sent["uid"]] = {"dashboard": stored, "meta": meta}
        return 200, {"uid": sent["uid"], "version": version + 1, "status": "success"}

    def _get_group(self, _body: Any, _query: Any, folder: str, name: str) -> Answer:
        return _found(self.groups, name)

    def _put_group(self, body: Any, _query: Any, folder: str, name: str) -> Answer:
        if folder not in self.folders:
            return 400, {"message": "folder does not exist"}
        added = {"id": 3, "orgID": 1, "updated": "2026-11-26T00:00:00Z", "isPaused": False}
        sent = [
            {key: value for key, value in one.items() if value is not None} for one in body["rules"]
        ]
        rules = [rule | added for rule in sent]
        self.groups[name] = body | {"rules": rules}
        return 200, self.groups[name]

    def _get_contacts(self, _body: Any, query: Any) -> Answer:
        names = query.get("name")
        return 200, [one for one in self.contacts.values() if not names or one["name"] in names]

    def _post_contacts(self, body: Any, _query: Any) -> Answer:
        if body["uid"] in self.contacts:
            return 400, {"message": "a contact point with that uid already exists"}
        self.contacts[body["uid"]] = body | {"disableResolveMessage": False}
        return 202, self.contacts[body["uid"]]

    def _put_contact(self, body: Any, _query: Any, uid: str) -> Answer:
        self.contacts[uid] |= body
        return 202, {"message": "contactpoint updated"}

    def _get_annotations(self, _body: Any, query: Any) -> Answer:
        wanted, first, last = set(query["tags"]), int(query["from"][0]), int(query["to"][0])
        known = (one for one in self.annotations if first <= one["time"] <= last)
        return 200, [one for one in known if wanted <= set(one["tags"])]

    def _post_annotations(self, body: Any, _query: Any) -> Answer:
        self.annotations.append(body | {"id": len(self.annotations) + 1})
        return 200, {"message": "Annotation added", "id": len(self.annotations)}


ROUTES = {
    r"/health": "health",
    r"/datasources/uid/([^/]+)": "datasource",
    r"/datasources": "datasources",
    r"/folders/([^/]+)": "folder",
    r"/folders": "folders",
    r"/dashboards/uid/([^/]+)": "dashboard",
    r"/dashboards/db": "dashboards",
    r"/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)": "group",
    r"/v1/provisioning/contact-points": "contacts",
    r"/v1/provisioning/contact-points/([^/]+)": "contact",
    r"/annotations": "annotations",
}


def _found(kept: dict[str, Any], name: str) -> Answer:
    return (200, kept[name]) if name in kept else (404, {"message": "not found"})


def running() -> AbstractContextManager[Stub]:
    return closing(Stub())
