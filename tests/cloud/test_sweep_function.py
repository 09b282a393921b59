"""`stale_running_cleanup` on the real functions-framework."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from framework import Served, serving
from google_server import AUDIENCE, SCHEDULER, Google
from warehouses import a_run, read_table, write_duckdb

from nbkit.warehouse.schema import RUN_HISTORY


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture(scope="module")
def served(folder: Path, google: Google) -> Iterator[Served]:
    with serving(
        "stale_running_cleanup",
        folder,
        NBKIT_WAREHOUSE=f"duckdb:///{folder}/history.duckdb",
        NBKIT_ALERTS="none",
        NBKIT_OIDC_CERTS=google.url,
        NBKIT_AUDIENCE=AUDIENCE,
        NBKIT_CALLERS=SCHEDULER,
    ) as server:
        yield server


def test_runs_that_died_are_closed_once_and_only_for_who_may(
    served: Served, folder: Path, google: Google
) -> None:
    now = datetime.now(UTC)

    def ago(hours: float) -> str:
        return (now - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")

    day = str(now.date())
    url = write_duckdb(
        folder / "history.duckdb",
        [
            a_run("PredictionCoordinator", "hung", data_date=day, started_at=ago(5)),
            a_run("PredictionCoordinator", "young", data_date=day, started_at=ago(0.05)),
        ],
    )
    assert served.post(b"{}").status == 401
    dry = served.call(google.token(), dry_run=True)
    assert (dry.status, dry.json["found"], dry.json["closed"]) == (200, 1, 0)
    done = served.call(google.token())
    assert (done.json["found"], done.json["closed"]) == (1, 1)
    assert served.call(google.token()).json["found"] == 0
    (end,) = [row for row in read_table(url, RUN_HISTORY) if row["status"] == "failed"]
    assert (end["run_id"], end["failure_category"]) == ("hung", "timeout")
    assert served.call(google.token(), dryrun=True).status == 400
