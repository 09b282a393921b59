"""BigQuery when it misbehaves, through Google's real client (see faulty_bigquery)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from faulty_bigquery import Fault, FaultyBigQuery, faulty_bigquery
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from nbkit.errors import QueryFailed, QueryTimeout, QueryTooExpensive, WarehouseURLError
from nbkit.warehouse import open_warehouse
from nbkit.warehouse.bigquery_errors import Limits
from nbkit.warehouse.bigquery_jobs import load_once
from nbkit.warehouse.protocol import Warehouse

DAY = {
    "start": datetime(2026, 1, 12, tzinfo=UTC),
    "end": datetime(2026, 1, 13, tzinfo=UTC),
    "as_of": datetime(2026, 1, 13, 12, tzinfo=UTC),
}
PASSING = [Fault(429), Fault(500), Fault(503), Fault(0)]


@pytest.fixture
def server() -> Iterator[FaultyBigQuery]:
    with faulty_bigquery() as state:
        yield state


def opened(server: FaultyBigQuery, **options: str) -> Warehouse:
    given = "".join(f"&{key}={value}" for key, value in options.items())
    return open_warehouse(f"bigquery://p/nba_reference?api_endpoint={server.url}{given}")


def ask(server: FaultyBigQuery, **options: str) -> pd.DataFrame:
    with opened(server, **options) as warehouse:
        return warehouse.query("history_freshness", **DAY)


def test_an_answer_has_the_dtypes_of_every_engine(server: FaultyBigQuery) -> None:
    frame = ask(server)
    assert frame.dtypes.astype(str).to_dict() == {
        "runs": "Int64",
        "last_started_at": "datetime64[us, UTC]",
        "last_ended_at": "datetime64[us, UTC]",
        "runs_after_as_of": "Int64",
    }
    assert frame["runs"][0] == 7
    assert frame["last_started_at"][0] == pd.Timestamp("2026-01-13T12:00:00Z")


@pytest.mark.parametrize("fault", PASSING, ids=["429", "500", "503", "dropped connection"])
def test_a_passing_fault_is_retried(server: FaultyBigQuery, fault: Fault) -> None:
    server.faults = [fault]
    assert ask(server)["runs"][0] == 7
    assert server.requests[:2] == ["POST jobs", "POST jobs"]


def test_a_fault_while_waiting_asks_for_the_same_job_again(server: FaultyBigQuery) -> None:
    server.never_ends = True

    def first_poll() -> None:
        server.faults = [Fault(503)]
        server.when_polled = lambda: None
        server.never_ends = False

    server.when_polled = first_poll
    assert ask(server)["runs"][0] == 7
    assert len(server.real_jobs) == 1


def test_a_fault_that_stays_is_given_up_in_the_time_allowed(server: FaultyBigQuery) -> None:
    server.down = Fault(503, message="backend is away")
    started = time.monotonic()
    with pytest.raises(QueryFailed, match=r"did not answer within 1 s.*backend is away.*later"):
        ask(server, retry_s="1")
    assert time.monotonic() - started < 10
    assert len(server.requests) > 1


def test_a_job_that_failed_inside_bigquery_is_run_again(server: FaultyBigQuery) -> None:
    server.job_errors = [{"reason": "jobBackendError", "message": "lost a worker"}]
    assert ask(server)["runs"][0] == 7
    assert len(server.real_jobs) == 2


def test_a_refused_query_is_not_retried(server: FaultyBigQuery) -> None:
    server.down = Fault(400, message="Unrecognized name: proccessor_name at [3:1]")
    with pytest.raises(QueryFailed, match=r"Unrecognized name: proccessor_name.*schema\.py"):
        ask(server)
    assert len(server.requests) == 1


def test_a_job_that_does_not_end_is_cancelled(server: FaultyBigQuery) -> None:
    server.never_ends = True
    with pytest.raises(
        QueryTimeout, match=r"history_freshness did not end within 1 s.*job_timeout_s"
    ):
        ask(server, job_timeout_s="1")
    assert server.cancelled == [server.real_jobs[0]["jobReference"]["jobId"]]


def test_bigquery_ending_the_job_at_its_timeout_is_a_timeout(server: FaultyBigQuery) -> None:
    words = "Job execution was cancelled: Job timed out after 1 sec"
    server.job_errors = [{"reason": "stopped", "message": words}]
    with pytest.raises(QueryTimeout, match="job_timeout_s"):
        ask(server, job_timeout_s="1")
    assert server.cancelled == [], "it is over already"


def test_ctrl_c_cancels_the_job(server: FaultyBigQuery) -> None:
    server.never_ends = True
    main = threading.main_thread().ident
    assert main is not None
    server.when_polled = lambda: signal.pthread_kill(main, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        ask(server)
    assert server.cancelled == [server.real_jobs[0]["jobReference"]["jobId"]]


def test_an_estimate_over_the_limit_is_refused_before_anything_runs(
    server: FaultyBigQuery,
) -> None:
    server.estimate = 3 * 10**9
    with pytest.raises(QueryTooExpensive) as refused:
        ask(server, maximum_bytes_billed="2.5GB")
    assert "about 3.0 GB, over the limit of 2.5 GB" in str(refused.value)
    assert "maximum_bytes_billed=" in str(refused.value)
    assert server.real_jobs == []


def test_a_query_that_turns_out_dearer_than_estimated_is_too_expensive(
    server: FaultyBigQuery,
) -> None:
    words = "Query exceeded limit for bytes billed: 20000000. 30000000 or higher required."
    server.job_errors = [{"reason": "bytesBilledLimitExceeded", "message": words}]
    with pytest.raises(QueryTooExpensive, match=r"limit of 20\.0 GB"):
        ask(server)
    assert len(server.real_jobs) == 1, "it would not get cheaper"


def test_each_job_says_who_asks_and_what_it_may_cost(server: FaultyBigQuery) -> None:
    ask(server, maximum_bytes_billed="5GB", job_timeout_s="90")
    (job,) = server.real_jobs
    settings = job["configuration"]
    assert settings["labels"]["tool"] == "nbkit"
    assert settings["labels"]["nbkit_query"] == "history_freshness"
    assert settings["labels"]["nbkit_version"]
    assert settings["query"]["maximumBytesBilled"] == "5000000000"
    assert settings["jobTimeoutMs"] == "90000"
    kinds = {p["name"]: p["parameterType"]["type"] for p in settings["query"]["queryParameters"]}
    assert kinds["start"] == kinds["as_of"] == "TIMESTAMP"
    assert kinds["slack_days_before"] == "INT64"


def test_what_a_query_cost_is_kept_for_the_manifest(server: FaultyBigQuery) -> None:
    with opened(server) as warehouse:
        warehouse.query("history_freshness", **DAY)
        (record,) = warehouse.queries
    assert record.bytes_billed == 10 * 2**20
    assert record.bytes_estimated == 1_000_000
    assert record.rows == 1
    assert record.seconds > 0
    assert record.parameters["as_of"] == "2026-01-13T12:00:00Z"


def test_an_estimate_runs_nothing(server: FaultyBigQuery) -> None:
    with opened(server, maximum_bytes_billed="5GB") as warehouse:
        estimate = warehouse.estimate("history_freshness", **DAY)
        assert warehouse.queries == ()
    assert (estimate.bytes, estimate.maximum_bytes_billed) == (1_000_000, 5 * 10**9)
    assert server.real_jobs == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Fault(404, message="Not found: Dataset p:nba_reference was not found in location US"),
            r"was not found in location US.*\?location=",
        ),
        (Fault(403, message="Access Denied: User does not have bigquery.jobs.create"), "Job User"),
        (Fault(403, "quotaExceeded", "Quota exceeded: Your project exceeded quota"), "refill"),
    ],
    ids=["wrong location", "no permission", "no quota"],
)
def test_a_refusal_says_what_to_do(server: FaultyBigQuery, fault: Fault, words: str) -> None:
    server.down = fault
    with pytest.raises(QueryFailed, match=words):
        ask(server)


def test_a_failed_job_says_why_once(server: FaultyBigQuery) -> None:
    server.job_errors = [{"reason": "invalidQuery", "message": "Division by zero: 1 / 0"}]
    with pytest.raises(QueryFailed) as refused:
        ask(server)
    assert str(refused.value).count("Division by zero: 1 / 0") == 1


def test_without_credentials_the_message_says_how_to_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(QueryFailed, match="gcloud auth application-default login"):
        open_warehouse("bigquery://p/nba_reference")


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("?api_endpoint=https://bigquery.example.com", "not on this machine"),
        ("?maximum_bytes_billed=lots", "20GB"),
        ("?maximum_bytes_billed=0", "20GB"),
        ("?job_timeout_s=-1", "seconds"),
        ("?job_timeout=5", "no option 'job_timeout'"),
        ("?table=history", r"table=dataset\.table"),
        ("/deeper", "bigquery://project/dataset"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(rest: str, words: str) -> None:
    with pytest.raises(WarehouseURLError, match=words):
        open_warehouse(f"bigquery://p/nba_reference{rest}")


@pytest.mark.parametrize(
    ("given", "table"),
    [
        ("bigquery://p", "nba_reference.processor_run_history"),
        ("bigquery://p/monitoring", "monitoring.processor_run_history"),
        ("bigquery://p/monitoring?table=ops.runs", "ops.runs"),
    ],
)
def test_the_url_names_the_table_that_is_read(
    server: FaultyBigQuery, given: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.url)
    with open_warehouse(f"{given}{'&' if '?' in given else '?'}location=us-west2") as warehouse:
        warehouse.query("history_freshness", **DAY)
        reopened = warehouse.url
    assert table in server.real_jobs[-1]["configuration"]["query"]["query"].replace("`", "")
    with open_warehouse(reopened) as warehouse:
        warehouse.query("history_freshness", **DAY)
    first, second = server.real_jobs
    assert first["configuration"]["query"]["query"] == second["configuration"]["query"]["query"]
    assert second["jobReference"]["location"] == "us-west2"


def test_a_statement_is_labelled_limited_and_recorded(server: FaultyBigQuery) -> None:
    with opened(server, maximum_bytes_billed="5GB", job_timeout_s="30") as warehouse:
        assert warehouse.execute("add_heartbeat_at") == 0
        assert [record.name for record in warehouse.queries] == ["add_heartbeat_at"]
    (job,) = server.real_jobs
    configuration = job["configuration"]
    assert configuration["labels"]["nbkit_query"] == "add_heartbeat_at"
    assert configuration["jobTimeoutMs"] == "30000"
    assert configuration["query"]["maximumBytesBilled"] == str(5 * 10**9)


def test_a_statement_over_the_limit_is_not_run(server: FaultyBigQuery) -> None:
    server.estimate = 3 * 10**9
    with (
        opened(server, maximum_bytes_billed="1GB") as warehouse,
        pytest.raises(QueryTooExpensive, match=r"Statement add_heartbeat_at .*3\.0 GB"),
    ):
        warehouse.execute("add_heartbeat_at")
    assert server.real_jobs == []


def test_a_statement_that_failed_inside_is_not_run_twice(server: FaultyBigQuery) -> None:
    server.job_errors = [{"reason": "backendError", "message": "half way"}]
    with opened(server) as warehouse, pytest.raises(QueryFailed, match="half way"):
        warehouse.execute("add_heartbeat_at")
    assert len(server.real_jobs) == 1


def test_a_key_whose_job_still_runs_elsewhere_is_not_taken_for_written(
    server: FaultyBigQuery,
) -> None:
    limits = Limits(maximum_bytes_billed=1, job_timeout_s=0.3, retry_s=1)
    client = bigquery.Client(
        "p",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": server.url},
    )
    server.never_ends = True
    digest = sha256(b"ops.claims\nk").hexdigest()[:40]
    client.query("SELECT 1", job_id=f"nbkit-append-{digest}-0", job_retry=None)
    with pytest.raises(QueryTimeout, match="another process does it"):
        load_once(client, bigquery.Table("p.ops.claims"), [], b"{}", key="k", limits=limits)
    client.close()
    assert server.cancelled == []
