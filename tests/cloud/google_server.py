"""A loopback server that plays Google: the keys of identity tokens, and Pub/Sub."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

KEY_ID = "key-1"
AUDIENCE = "https://health-check.example.run.app"
SCHEDULER = "scheduler@nba-props-platform.iam.gserviceaccount.com"


@dataclass
class Google:
    """Its address, its key, and what was published: (topic, payload, attributes)."""

    url: str
    key: rsa.RSAPrivateKey
    published: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    keys_fetched: int = 0

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def token(self, *, key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        """An identity token as Cloud Scheduler's, with some claims changed."""
        now = int(time.time())
        told = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": SCHEDULER,
            "email_verified": True,
            "sub": "1234567890",
            "iat": now,
            "exp": now + 600,
        } | claims
        return jwt.encode(told, key or self.key, algorithm="RS256", headers={"kid": KEY_ID})


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@contextmanager
def playing_google() -> Iterator[Google]:
    google = Google(url="", key=new_key())
    certificates = json.dumps({KEY_ID: _certificate(google.key)}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            google.keys_fetched += 1
            self._answer(200, certificates)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if google.faults:
                self._answer(google.faults.pop(0), b'{"error": {"message": "try later"}}')
                return
            topic = self.path.rpartition("/")[2].removesuffix(":publish")
            for message in body["messages"]:
                payload = json.loads(base64.b64decode(message["data"]))
                google.published.append((topic, payload, message.get("attributes", {})))
            count = len(google.published)
            self._answer(200, json.dumps({"messageIds": [str(count)]}).encode())

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    google.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield google
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certificate(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "accounts.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
