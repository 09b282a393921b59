from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbkit.errors import InputError
from nbkit.report.serve import make_server


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "secret.txt").write_text("outside")
    reports = tmp_path / "reports"
    (reports / "daily" / "a b").mkdir(parents=True)
    (reports / "index.html").write_text("the list")
    (reports / "daily" / "a b" / "index.html").write_text("the report")
    (reports / ".lock").write_text("hidden")
    (reports / "link.txt").symlink_to(tmp_path / "secret.txt")
    server = make_server(reports, port=0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def ask(port: int, target: str, *, host: str = "127.0.0.1", method: str = "GET") -> str:
    """A raw request: clients would tidy up the paths that matter here."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{method} {target} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return answer.decode()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/", "the list"),
        ("/daily/a%20b/", "the report"),
        ("/daily/a%20b/index.html?x", "the report"),
    ],
)
def test_reports_are_served(port: int, target: str, said: str) -> None:
    answer = ask(port, target)
    assert answer.startswith("HTTP/1.0 200")
    assert answer.endswith(said)
    assert "X-Content-Type-Options: nosniff" in answer
    assert "text/html; charset=utf-8" in answer


@pytest.mark.parametrize(
    "target",
    [
        *("/../secret.txt", "/%2e%2e/secret.txt", "/daily/../../secret.txt", "//etc/passwd"),
        *("/..%2fsecret.txt", "/.lock", "/link.txt", "/daily/", "/none", "/%00"),
    ],
)
def test_nothing_else_is(port: int, target: str) -> None:
    answer = ask(port, target)
    assert answer.startswith("HTTP/1.0 404")
    assert "outside" not in answer


def test_a_page_under_another_name_cannot_read_the_reports(port: int) -> None:
    assert ask(port, "/", host="attacker.example").startswith("HTTP/1.0 403")


def test_a_head_request_has_no_body_and_a_post_is_refused(port: int) -> None:
    assert ask(port, "/", method="HEAD").endswith("\r\n\r\n")
    assert " 501 " in ask(port, "/", method="POST").splitlines()[0]


def test_only_this_machine_is_served(port: int) -> None:
    with socket.socket() as probe:
        probe.connect(("127.0.0.1", port))
        assert probe.getpeername()[0] == "127.0.0.1"
    with pytest.raises(InputError, match=f"Port {port} cannot be used"):
        make_server(Path.cwd(), port=port)


def test_a_missing_folder_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`nbkit run NOTEBOOK` makes a first report"):
        make_server(tmp_path / "none", port=0)
