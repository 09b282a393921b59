"""Entry points served by the real functions-framework, from the real main.py, on loopback."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

ROOT = Path(__file__).parent.parent.parent
_OURS = ("NBKIT_", "SLACK_", "PUBSUB_", "GOOGLE_CLOUD_PROJECT", "FUNCTION_", "K_SERVICE")


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Served:
    """A server with one entry point, and what it has logged."""

    url: str
    log_file: Path
    process: subprocess.Popen[bytes]

    def post(
        self, body: bytes = b"", *, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> Reply:
        request = urllib.request.Request(
            self.url, data=body, headers=dict(headers or {}), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return Reply(answer.status, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read().decode(), dict(error.headers))

    def call(self, token: str, **body: Any) -> Reply:
        """As Cloud Scheduler does."""
        return self.post(json.dumps(body).encode(), headers=bearer(token))

    def send(self, event: CloudEvent, *, structured: bool = False) -> Reply:
        headers, body = (to_structured if structured else to_binary)(event)
        return self.post(body, headers=headers)

    def log(self) -> list[dict[str, Any]]:
        """The lines that are JSON: those of ours."""
        found = []
        for line in self.log_file.read_text().splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def pubsub_event(
    data: Any,
    *,
    id: str = "1001",
    attributes: Mapping[str, str] | None = None,
    topic: str = "nba-processor-failure",
    published: str = "",
) -> CloudEvent:
    """The event that Eventarc makes of a message. `data` that is no text is sent as JSON."""
    content = (
        data if isinstance(data, str) else base64.b64encode(json.dumps(data).encode()).decode()
    )
    published = published or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return CloudEvent(
        {
            "id": id,
            "source": f"//pubsub.googleapis.com/projects/nba-props-platform/topics/{topic}",
            "type": "google.cloud.pubsub.topic.v1.messagePublished",
            "time": published,
            "datacontenttype": "application/json",
        },
        {
            "message": {
                "data": content,
                "attributes": dict(attributes or {}),
                "messageId": id,
                "publishTime": published,
            },
            "subscription": "projects/nba-props-platform/subscriptions/eventarc-self-heal",
        },
    )


@contextmanager
def serving(
    target: str, folder: Path, *, signature: str = "http", **environment: str
) -> Iterator[Served]:
    """Start `functions-framework --target TARGET --source main.py` and end it."""
    port = _free_port()
    log_file = folder / f"{target}.log"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    command = [str(Path(sys.executable).with_name("functions-framework"))]
    command += ["--target", target, "--source", str(ROOT / "main.py"), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--signature-type", signature]
    with log_file.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean, "PYTHONUNBUFFERED": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(port, process, log_file)
            yield Served(f"http://127.0.0.1:{port}/", log_file, process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once:\n{log_file.read_text()[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"no server in 90 s:\n{log_file.read_text()[-2000:]}")
