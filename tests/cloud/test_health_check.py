"""`health_check` on the real functions-framework: who may call, its answers, one run for many."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from framework import Served, bearer, serving
from google_server import AUDIENCE, SCHEDULER, Google, new_key

AS_OF = "2026-01-13T12:00:00Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("health")


@pytest.fixture(scope="module")
def served(folder: Path, google: Google, demo_path: Path) -> Iterator[Served]:
    with serving(
        "health_check",
        folder,
        NBKIT_WAREHOUSE=f"duckdb:///{demo_path}",
        NBKIT_REPORTS=str(folder / "reports"),
        NBKIT_ALERTS=f"dir:{folder / 'told'}",
        NBKIT_AUDIENCE=AUDIENCE,
        NBKIT_CALLERS=f"other@example.com, {SCHEDULER}",
        NBKIT_OIDC_CERTS=google.url,
    ) as server:
        yield server


def reports(folder: Path) -> list[Path]:
    return sorted((folder / "reports").glob("daily_health/*/findings.json"))


class TestCallers:
    def test_without_a_token_nothing_runs(self, served: Served, folder: Path) -> None:
        reply = served.post(b"{}")
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert "--oidc-service-account-email" in reply.json["message"]
        assert reports(folder) == []

    def test_a_token_is_refused_unless_all_of_it_is_right(
        self, served: Served, folder: Path, google: Google
    ) -> None:
        past = int(time.time()) - 3600
        unsigned = jwt.encode({"aud": AUDIENCE, "email": SCHEDULER}, None, algorithm="none")
        wrong = {
            "the signature of another key": (google.token(key=new_key()), 401),
            "another audience": (google.token(aud="https://elsewhere.example"), 401),
            "expired": (google.token(iat=past, exp=past + 600), 401),
            "another issuer": (google.token(iss="https://accounts.evil.example"), 401),
            "not signed": (unsigned, 401),
            "no token": ("abc", 401),
            "somebody else": (google.token(email="mallory@example.com"), 403),
            "an e-mail that nobody verified": (google.token(email_verified=False), 403),
            "no e-mail": (google.token(email=None), 403),
        }
        got = {name: served.call(token, as_of=AS_OF).status for name, (token, _) in wrong.items()}
        assert got == {name: status for name, (_, status) in wrong.items()}
        assert reports(folder) == []

    def test_the_answer_and_the_log_keep_the_token_to_themselves(
        self, served: Served, google: Google
    ) -> None:
        token = google.token(aud="https://elsewhere.example")
        assert token not in served.call(token).text
        assert token not in served.log_file.read_text()
        assert any(line["severity"] == "WARNING" for line in served.log())

    def test_only_post_is_taken(self, served: Served, google: Google) -> None:
        reply = served.post(method="GET", headers=bearer(google.token()))
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")


class TestAnswers:
    def test_what_cannot_be_read_is_told_without_a_traceback(
        self, served: Served, google: Google
    ) -> None:
        for body in (b"{", b"[1]", b"\xff", b'{"as_off": 1}', b'{"as_of": "yesterday"}'):
            reply = served.post(body, headers=bearer(google.token()))
            assert reply.status == 400, body
            assert reply.json["message"]
            assert "Traceback" not in reply.text

    def test_two_calls_at_once_are_one_run_delivered_once(
        self, served: Served, folder: Path, google: Google
    ) -> None:
        with ThreadPoolExecutor(2) as pool:
            replies = [
                future.result()
                for future in [
                    pool.submit(served.call, google.token(), as_of=AS_OF) for _ in range(2)
                ]
            ]
        assert [reply.status for reply in replies] == [200, 200], replies[0].text
        first, second = (reply.json for reply in replies)
        assert sorted([first.pop("coalesced"), second.pop("coalesced")]) == [False, True]
        assert first == second
        assert first["verdict"] == "RED"
        assert first["counts"]["critical"] == sum(
            finding["severity"] == "critical" for finding in first["findings"]
        )
        (file,) = reports(folder)
        stored = json.loads(file.read_text())
        assert [f["title"] for f in first["findings"]] == [f["title"] for f in stored["findings"]]
        assert Path(first["report"]).is_file()
        assert first["delivered"] is True
        assert len(list((folder / "told").iterdir())) >= 1


def test_nobody_may_call_before_it_is_said_who(tmp_path: Path) -> None:
    with serving("health_check", tmp_path, NBKIT_REPORTS=str(tmp_path)) as server:
        reply = server.call("token")
    assert reply.status == 500
    assert "NBKIT_CALLERS" in reply.json["message"]


def test_behind_iam_no_token_is_asked_for_and_a_missing_warehouse_is_said(tmp_path: Path) -> None:
    with serving(
        "health_check",
        tmp_path,
        NBKIT_BEHIND_IAM="1",
        NBKIT_WAREHOUSE=f"duckdb:///{tmp_path}/none.duckdb",
        NBKIT_REPORTS=str(tmp_path / "reports"),
        NBKIT_ALERTS="none",
    ) as server:
        reply = server.post()
    assert reply.status == 500
    assert reply.json["verdict"] == "UNKNOWN"
    assert "none.duckdb" in reply.json["message"]
    assert "Traceback" not in reply.text
