"""A loopback server that behaves like Slack, its faults included.

It keeps channels, messages, threads and files, checks tokens, scopes, membership and Block Kit's
limits, and answers as Slack does. A fault queued for a method happens on its next request: before
the work is done (`lost=False`), or after it (`lost=True`), as when only the reply is lost.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "xoxb-1111-2222-sEcReTsEcReT"
HOOK = "/services/T0001/B0002/hOoKsEcReT"
ALL_SCOPES = frozenset({"chat:write", "files:write", "channels:history", "channels:read"})
NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.list": "channels:read",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong. With `lost`, the request is carried out first."""

    status: int = 200
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay_s: float = 0.0
    kill: int | None = None
    lost: bool = False


def rate_limited(seconds: int) -> Fault:
    return Fault(status=429, headers={"Retry-After": str(seconds)}, body='{"ok":false}')


def broken(status: int, *, lost: bool = False) -> Fault:
    return Fault(status=status, body="<html>Bad gateway</html>", lost=lost)


def says(error: str) -> Fault:
    return Fault(body=json.dumps({"ok": False, "error": error}))


CUT_BEFORE = Fault(cut=True)
CUT_AFTER = Fault(cut=True, lost=True)
GARBLED = Fault(body='{"ok": tr', lost=True)


@dataclass
class Message:
    """A message of a channel, or a reply in a thread."""

    ts: str
    channel: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    thread_ts: str | None = None
    files: list[str] = field(default_factory=list)
    broadcast: bool = False
    edits: int = 0

    def to_json(self, *, with_metadata: bool) -> dict[str, Any]:
        reply: dict[str, Any] = {"type": "message", "ts": self.ts, "text": self.text}
        if self.blocks:
            reply["blocks"] = self.blocks
        if self.thread_ts:
            reply["thread_ts"] = self.thread_ts
        if self.files:
            reply["files"] = [{"id": file_id} for file_id in self.files]
        if self.metadata and with_metadata:
            reply["metadata"] = self.metadata
        return reply


@dataclass
class File:
    """An upload on its way: address given, bytes there, completed."""

    name: str
    length: int
    data: bytes | None = None
    completed: bool = False
    not_found_for: int = 0


class Refused(Exception):
    """Slack's `{"ok": false, "error": …}`."""

    def __init__(self, error: str, **more: str) -> None:
        super().__init__(error)
        self.body = {"ok": False, "error": error, **more}


class SlackServer:
    """State and rules; `with SlackServer() as slack:` serves them on a free port."""

    def __init__(self) -> None:
        self.scopes = set(ALL_SCOPES)
        self.channels = {"C0123456789": "data-monitoring", "C0999999999": "quiet"}
        self.members = {"C0123456789"}
        self.messages: list[Message] = []
        self.posted_by_hook: list[dict[str, Any]] = []
        self.files: dict[str, File] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.calls: list[str] = []
        self.file_not_found_for = 0
        self.page_size = 100
        self.clock = 1_768_300_000.0
        self.on_call: Callable[[str], None] = lambda _: None
        self.lock = threading.Lock()

    def fail(self, method: str, *faults: Fault) -> None:
        """Queue faults for the next requests of a method (`hook` and `upload` are two more)."""
        self.faults[method].extend(faults)

    # What the channel shows

    def posts(self) -> list[Message]:
        return [message for message in self.messages if message.thread_ts is None]

    def thread(self, ts: str) -> list[Message]:
        return [message for message in self.messages if message.thread_ts == ts]

    def shared(self) -> list[str]:
        """Names of the files shared in threads, in order."""
        return [self.files[name].name for m in self.messages for name in m.files]

    # Where it listens

    @contextmanager
    def serve(self) -> Iterator[SlackServer]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def bot_environment(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_CHANNEL": "C0123456789",
            "SLACK_API_URL": f"{self.url}/api/",
        }

    @property
    def hook_environment(self) -> dict[str, str]:
        return {"SLACK_WEBHOOK_URL": self.url + HOOK}

    # The Web API

    def call(self, method: str, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out one method."""
        if not token:
            raise Refused("not_authed")
        if token != TOKEN:
            raise Refused("invalid_auth")
        if NEEDS.get(method, "") not in self.scopes | {""}:
            raise Refused("missing_scope", needed=NEEDS[method], provided=",".join(self.scopes))
        name = re.sub(r"\W|(?<=[a-z])(?=[A-Z])", "_", method).lower()
        work = getattr(self, f"do_{name}", None)
        if work is None:
            raise Refused("unknown_method")
        with self.lock:
            return {"ok": True, **work(arguments)}

    def do_chat_post_message(self, a: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(a["channel"])
        thread_ts = a.get("thread_ts")
        if thread_ts and not any(m.ts == thread_ts for m in self.messages):
            raise Refused("thread_not_found")
        message = self._message(channel, a)
        message.thread_ts = thread_ts
        message.broadcast = bool(a.get("reply_broadcast"))
        self.messages.append(message)
        return {"channel": channel, "ts": message.ts}

    def do_chat_update(self, a: dict[str, Any]) -> dict[str, Any]:
        for message in self.messages:
            if message.ts == a["ts"] and message.channel == a["channel"]:
                new = self._message(message.channel, a)
                message.text, message.blocks = new.text, new.blocks
                message.metadata = new.metadata or message.metadata
                message.edits += 1
                return {"channel": message.channel, "ts": message.ts}
        raise Refused("message_not_found")

    def do_conversations_list(self, a: dict[str, Any]) -> dict[str, Any]:
        names = [{"id": key, "name": name} for key, name in self.channels.items()]
        return self._page("channels", names, a)

    def do_conversations_history(self, a: dict[str, Any]) -> dict[str, Any]:
        if a["channel"] not in self.channels:
            raise Refused("channel_not_found")  # names are not taken here
        shown = [m for m in reversed(self.messages) if m.thread_ts is None or m.broadcast]
        return self._page("messages", self._told(shown, a), a)

    def do_conversations_replies(self, a: dict[str, Any]) -> dict[str, Any]:
        shown = [m for m in self.messages if a["ts"] in (m.ts, m.thread_ts)]
        if not shown:
            raise Refused("thread_not_found")
        return self._page("messages", self._told(shown, a), a)

    def do_files_get_upload_urlexternal(self, a: dict[str, Any]) -> dict[str, Any]:
        file_id = f"F{len(self.files):09d}"
        self.files[file_id] = File(a["filename"], int(a["length"]))
        return {"file_id": file_id, "upload_url": f"{self.url}/upload/v1/{file_id}"}

    def do_files_complete_upload_external(self, a: dict[str, Any]) -> dict[str, Any]:
        for given in json.loads(a["files"]):
            file = self.files.get(given["id"])
            if file is None or file.data is None:
                raise Refused("file_not_found")
            file.completed = True
            file.not_found_for = self.file_not_found_for
            if a.get("channel_id"):
                if a["channel_id"] not in self.channels:
                    raise Refused("channel_not_found")
                share = Message(self._ts(), a["channel_id"], "", [], None, a.get("thread_ts"))
                share.files = [given["id"]]
                self.messages.append(share)
        return {"files": [{"id": f["id"]} for f in json.loads(a["files"])]}

    # Its rules

    def _channel(self, name: str) -> str:
        ids = {key: key for key in self.channels}
        ids |= {n: key for key, n in self.channels.items()}
        channel = ids.get(name.removeprefix("#"))
        if channel is None:
            raise Refused("channel_not_found")
        if channel not in self.members:
            raise Refused("not_in_channel")
        return channel

    def _message(self, channel: str, a: dict[str, Any]) -> Message:
        blocks = a.get("blocks") or []
        if not blocks and not a.get("text"):
            raise Refused("no_text")
        check_blocks(blocks)
        for block in blocks:
            if block["type"] == "image":
                self._find_picture(block)
        return Message(self._ts(), channel, a.get("text", ""), blocks, a.get("metadata"))

    def _find_picture(self, block: dict[str, Any]) -> None:
        file = self.files.get(block["slack_file"]["id"])
        if file is None or not file.completed:
            raise Refused("invalid_blocks")
        if file.not_found_for > 0:
            file.not_found_for -= 1
            raise Refused("invalid_blocks")

    def _told(self, messages: list[Message], a: dict[str, Any]) -> list[dict[str, Any]]:
        asked = str(a.get("include_all_metadata", "")).lower() in ("1", "true")
        return [message.to_json(with_metadata=asked) for message in messages]

    def _page(self, name: str, rows: list[Any], a: dict[str, Any]) -> dict[str, Any]:
        start = int(a.get("cursor") or 0)
        end = start + min(self.page_size, int(a.get("limit") or 100))
        cursor = str(end) if end < len(rows) else ""
        return {name: rows[start:end], "response_metadata": {"next_cursor": cursor}}

    def _ts(self) -> str:
        self.clock += 1
        return f"{self.clock:.6f}"


def check_blocks(blocks: list[dict[str, Any]]) -> None:
    """Block Kit's limits, documented and not; Slack says no more than `invalid_blocks`."""
    if len(blocks) > 50:
        raise Refused("invalid_blocks")
    if len(json.dumps(blocks, ensure_ascii=False)) > 13_200:
        raise Refused("msg_blocks_too_long")
    for block in blocks:
        texts = [block["text"]] if "text" in block else []
        limit = {"header": 150, "section": 3_000}.get(block["type"], 0)
        if block["type"] == "header" and block["text"]["type"] != "plain_text":
            raise Refused("invalid_blocks")
        if any(not 0 < len(text["text"]) <= limit for text in texts):
            raise Refused("invalid_blocks")
        fields, elements = block.get("fields", []), block.get("elements", [])
        if len(fields) > 10 or len(elements) > 10 or len(block.get("alt_text", "x")) > 2_000:
            raise Refused("invalid_blocks")
        if any(not 0 < len(text["text"]) <= 2_000 for text in [*fields, *elements]):
            raise Refused("invalid_blocks")


def _handler(slack: SlackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            method = _method(path)
            with slack.lock:
                slack.calls.append(method)
                fault = slack.faults[method].popleft() if slack.faults[method] else None
            if fault and not fault.lost:
                self._misbehave(fault)
                return
            status, reply = self._work(path, method, body)
            slack.on_call(method)
            if fault:
                self._misbehave(fault)
                return
            self._answer(status, reply)

        def _work(self, path: str, method: str, body: bytes) -> tuple[int, str]:
            if method == "hook":
                return self._hook(path, body)
            if method == "upload":
                slack.files[path.rpartition("/")[2]].data = body
                return 200, f"OK - {len(body)}"
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            try:
                return 200, json.dumps(slack.call(method, token, self._arguments(body)))
            except Refused as refused:
                return 200, json.dumps(refused.body)

        def _arguments(self, body: bytes) -> dict[str, Any]:
            if (self.headers.get("Content-Type") or "").startswith("application/json"):
                return json.loads(body)
            return {key: values[0] for key, values in parse_qs(body.decode()).items()}

        def _hook(self, path: str, body: bytes) -> tuple[int, str]:
            if path != HOOK:
                return 403, "invalid_token"
            sent = json.loads(body)
            try:
                check_blocks(sent.get("blocks") or [])
            except Refused:
                return 400, "invalid_blocks"
            with slack.lock:
                slack.posted_by_hook.append(sent)
            return 200, "ok"

        def _misbehave(self, fault: Fault) -> None:
            if fault.kill is not None:
                os.kill(fault.kill, signal.SIGKILL)
            time.sleep(fault.delay_s)
            if fault.cut:
                # Without a reply and at once: the client reads the end of the stream.
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._answer(fault.status, fault.body or '{"ok": true}', fault.headers)

        def _answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
            data = body.encode()
            try:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has given up or was killed

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _method(path: str) -> str:
    if path.startswith("/api/"):
        return path.removeprefix("/api/")
    return "upload" if path.startswith("/upload/") else "hook"
