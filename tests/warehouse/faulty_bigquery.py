"""A loopback server that speaks just enough of BigQuery's REST to misbehave on request.

The emulator shows that queries work; this shows what happens when BigQuery does not: it answers
with errors first, drops connections, never finishes a job, or knows a price. Google's client is
the real one on the other side.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POLL_S = 0.1  # how long getQueryResults waits for a job that is not done
_SCHEMA = [
    {"name": "runs", "type": "INTEGER"},
    {"name": "last_started_at", "type": "TIMESTAMP"},
    {"name": "last_ended_at", "type": "TIMESTAMP"},
    {"name": "runs_after_as_of", "type": "INTEGER"},
]
_ROW = {"f": [{"v": "7"}, {"v": "1768305600000000"}, {"v": None}, {"v": "0"}]}
_REASONS = {400: "invalidQuery", 403: "accessDenied", 404: "notFound", 429: "rateLimitExceeded"}


@dataclass(frozen=True)
class Fault:
    """An answer that is not the one hoped for. Status 0 drops the connection."""

    status: int
    reason: str = ""
    message: str = "planned"


@dataclass
class FaultyBigQuery:
    """What the server does, and what it saw.

    It answers every query with one row of `history_freshness`: seven runs.
    """

    url: str = ""
    faults: list[Fault] = field(default_factory=list)  # answered first, one a request
    down: Fault | None = None  # answered always
    estimate: int = 1_000_000
    never_ends: bool = False
    job_errors: list[dict[str, str]] = field(default_factory=list)  # one a job
    when_polled: Callable[[], None] = lambda: None
    requests: list[str] = field(default_factory=list)  # "POST jobs", "GET queries", ...
    jobs: list[dict[str, Any]] = field(default_factory=list)  # each as it was inserted
    cancelled: list[str] = field(default_factory=list)

    @property
    def real_jobs(self) -> list[dict[str, Any]]:
        return [job for job in self.jobs if not job["configuration"].get("dryRun")]

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        parts = path.split("?")[0].split("/projects/")[1].split("/")[1:]
        self.requests.append(f"{method} {parts[-1] if parts[-1] == 'cancel' else parts[0]}")
        fault = self.faults.pop(0) if self.faults else self.down
        if fault:
            reason = fault.reason or _REASONS.get(fault.status, "backendError")
            return fault.status, {
                "error": {
                    "code": fault.status,
                    "message": fault.message,
                    "errors": [{"reason": reason, "message": fault.message}],
                }
            }
        if method == "POST" and parts == ["jobs"]:
            self.jobs.append(body)
            return 200, self._job(len(self.jobs) - 1)
        position = self._position(parts[1])
        if parts[-1] == "cancel":
            self.cancelled.append(parts[1])
            return 200, {"kind": "bigquery#jobCancelResponse", "job": self._job(position)}
        if parts[0] == "jobs":
            return 200, self._job(position)
        self.when_polled()
        return 200, self._results(position)

    def _job(self, position: int) -> dict[str, Any]:
        body = self.jobs[position]
        dry = body["configuration"].get("dryRun", False)
        error = body.get("planned_error")
        if not dry and error is None and self.job_errors:
            error = body["planned_error"] = self.job_errors.pop(0)
        body.setdefault("planned_error", {})
        status: dict[str, Any] = {"state": "RUNNING" if self.never_ends and not dry else "DONE"}
        if error:
            status |= {"errorResult": error, "errors": [error]}
        done = {
            "totalBytesProcessed": str(self.estimate),
            "query": {
                "totalBytesProcessed": str(self.estimate),
                "totalBytesBilled": str(0 if dry else 10 * 2**20),
                "statementType": "SELECT",
            },
        }
        return {
            "kind": "bigquery#job",
            "jobReference": body["jobReference"],
            "configuration": body["configuration"],
            "status": status,
            "statistics": {} if self.never_ends and not dry else done,
        }

    def _results(self, position: int) -> dict[str, Any]:
        reference = self.jobs[position]["jobReference"]
        if self.never_ends:
            threading.Event().wait(_POLL_S)
            return {"jobReference": reference, "jobComplete": False}
        return {
            "jobReference": reference,
            "jobComplete": True,
            "schema": {"fields": _SCHEMA},
            "totalRows": "1",
            "rows": [_ROW],
        }

    def _position(self, job_id: str) -> int:
        return [job["jobReference"]["jobId"] for job in self.jobs].index(job_id)


@contextmanager
def faulty_bigquery() -> Iterator[FaultyBigQuery]:
    """Serve on a free loopback port; gives the thing to command and to ask."""
    state = FaultyBigQuery()

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, found = state.answer(self.command, self.path, body)
            if status == 0:
                self.close_connection = True
                return
            payload = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
