"""BigQuery takes a job id once, the emulator gives uploads ids of its own: this stands between.

A forwarding server in front of the emulator. A load job's id is the client's; the same id again is
answered 409, as BigQuery does. Everything else goes through untouched.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "server", "date"}


class _Ids:
    """Which id the client gave a load job, and which one the emulator gave it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self.theirs: dict[str, str] = {}  # the client's id → the emulator's
        self.uploads: dict[str, str] = {}  # path of an upload session → the client's id

    def take(self, job_id: str) -> bool:
        with self._lock:
            fresh = job_id not in self._taken
            self._taken.add(job_id)
            return fresh


@contextmanager
def with_unique_job_ids(emulator: str) -> Iterator[str]:
    """Serve on a free loopback port in front of `emulator`; gives the URL to use instead."""
    ids = _Ids()
    behind = urlsplit(emulator)

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self._body()
            path, upload = self.path, self.path.startswith("/upload/")
            job_id = None
            if upload and self.command == "POST":
                job_id = _job_id(body)
                if job_id and not ids.take(job_id):
                    reason = {"reason": "duplicate", "message": f"Already Exists: Job {job_id}"}
                    answer = {"error": {"code": 409, **reason, "errors": [reason]}}
                    self._answer(409, [], json.dumps(answer).encode())
                    return
            for ours, theirs in list(ids.theirs.items()):
                path = path.replace(f"/jobs/{ours}", f"/jobs/{theirs}")
                path = path.replace(f"/queries/{ours}", f"/queries/{theirs}")
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=120)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", *_HOP}}
            connection.request(self.command, path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP]
            location = answer.getheader("Location")
            if upload and location:
                kept = [(k, v) for k, v in kept if k.lower() != "location"]
                kept.append(("Location", location.replace(emulator, self._own())))
                if job_id:
                    ids.uploads[_session(location)] = job_id
            elif upload:
                content = self._renamed(content, job_id or ids.uploads.get(_session(self.path)))
            else:
                content = _with_our_ids(content, ids)
            connection.close()
            self._answer(answer.status, kept, content)

        def _renamed(self, content: bytes, job_id: str | None) -> bytes:
            if not job_id or not content.startswith(b"{"):
                return content
            found = json.loads(content)
            if "jobReference" in found:
                ids.theirs[job_id] = found["jobReference"]["jobId"]
            return _with_our_ids(content, ids)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def _own(self) -> str:
            return f"http://{self.headers['Host']}"

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # http.server names

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _job_id(body: bytes) -> str | None:
    found = re.search(rb'"jobId"\s*:\s*"([^"]+)"', body)
    return found[1].decode() if found else None


def _session(url: str) -> str:
    found = re.search(r"upload_id=([^&]+)", url)
    return found[1] if found else urlsplit(url).path


def _with_our_ids(content: bytes, ids: _Ids) -> bytes:
    for ours, theirs in list(ids.theirs.items()):
        content = content.replace(f'"{theirs}"'.encode(), f'"{ours}"'.encode())
    return content
