"""A server that answers as the Hugging Face Hub does, as far as its file system asks: one model repository."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPOSITORY = "someone/net"
COMMIT = "1" * 40


class Hub(ThreadingHTTPServer):
    """Keeps the files of the repository by their names."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {".gitattributes": b""}
        self.commits = 0


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub

    def do_GET(self) -> None:
        path, files = self.path.partition("?")[0], self.server.files
        if path == f"/api/models/{REPOSITORY}":
            self._answer({"id": REPOSITORY, "sha": COMMIT, "siblings": []})
        elif path.startswith(f"/api/models/{REPOSITORY}/tree/"):
            listed = [
                {"type": "file", "path": name, "size": len(content), "oid": "0"} for name, content in files.items()
            ]
            self._answer(listed)
        elif path.startswith(f"/{REPOSITORY}/resolve/main/") and path.rpartition("/")[2] in files:
            self._answer(files[path.rpartition("/")[2]])
        else:
            self._answer({"error": "Repository not found"}, 404)

    def do_POST(self) -> None:
        body, files = self.rfile.read(int(self.headers["content-length"])), self.server.files
        if self.path == f"/api/models/{REPOSITORY}/preupload/main":
            modes = [{**each, "uploadMode": "regular", "shouldIgnore": False} for each in json.loads(body)["files"]]
            self._answer({"files": modes})
        elif self.path == f"/api/models/{REPOSITORY}/commit/main":
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del files[line["value"]["path"]]
            self.server.commits += 1
            self._answer({"commitUrl": f"{self.server.url}/{REPOSITORY}/commit/{COMMIT}", "commitOid": COMMIT})
        else:
            self._answer({})  # so it finds nothing to say about a card

    def _answer(self, content: Any, status: int = 200) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Hub]:
    """Give such a server that runs."""
    with Hub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
