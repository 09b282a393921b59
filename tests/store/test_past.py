"""What past reports said is read back; what is not theirs is named, never guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbkit.findings import Finding, Severity, Verdict, iso_utc
from nbkit.store import LocalStore, folder_stamp, past_reports

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FINDING = Finding(
    kind="stuck_run",
    subject="PredictionCoordinator",
    severity=Severity.CRITICAL,
    title="It hangs",
    since=AS_OF - DAY,
    owner="data-engineering",
    next_step="End it",
    fingerprint="stuck_run:PredictionCoordinator",
    evidence={"runs": 4},
)


def keep(root: Path, notebook: str, as_of: datetime, *, billed: list[int | None]) -> str:
    path = f"{notebook}/{folder_stamp(as_of)}"
    said = {
        "notebook": notebook,
        "as_of": iso_utc(as_of),
        "verdict": "RED",
        "findings": [FINDING.to_json()],
    }
    queries = [{"bytes_billed": each, "seconds": 0.5} for each in billed]
    manifest = {"queries": queries, "seconds": 3.25}
    files = {"findings.json": json.dumps(said), "manifest.json": json.dumps(manifest)}
    LocalStore(root).put_folder(path, {name: text.encode() for name, text in files.items()})
    return path


def test_a_report_comes_back_as_it_judged(tmp_path: Path) -> None:
    path = keep(tmp_path, "daily_health", AS_OF, billed=[10, None, 5])
    found, unreadable = past_reports(LocalStore(tmp_path), start=AS_OF, end=AS_OF + DAY)
    assert unreadable == ()
    (report,) = found
    assert (report.path, report.verdict, report.as_of) == (path, Verdict.RED, AS_OF)
    assert report.findings == (FINDING,)
    assert (report.bytes_billed, report.query_seconds, report.seconds) == (15, 1.5, 3.25)


def test_where_nothing_is_billed_the_cost_is_not_known(tmp_path: Path) -> None:
    keep(tmp_path, "daily_health", AS_OF, billed=[None])
    ((report,), _) = past_reports(LocalStore(tmp_path), start=AS_OF, end=AS_OF + DAY)
    assert report.bytes_billed is None


def test_only_the_asked_time_and_notebooks_are_read(tmp_path: Path) -> None:
    for days in range(4):
        keep(tmp_path, "daily_health", AS_OF + days * DAY, billed=[])
    keep(tmp_path, "sla_weekly", AS_OF + DAY, billed=[])
    found, _ = past_reports(
        LocalStore(tmp_path), start=AS_OF + DAY, end=AS_OF + 3 * DAY, leave_out=["sla_weekly"]
    )
    assert [report.as_of for report in found] == [AS_OF + DAY, AS_OF + 2 * DAY]


def test_a_folder_that_is_no_report_of_ours_is_named(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    broken = f"daily_health/{folder_stamp(AS_OF)}"
    store.put_folder(broken, {"manifest.json": b"{}", "findings.json": b"[]"})
    store.put_folder("daily_health/notes", {"manifest.json": b"{}"})
    found, unreadable = past_reports(store, start=AS_OF, end=AS_OF + DAY)
    assert (found, unreadable) == ((), (broken,))


def test_without_reports_there_are_none(tmp_path: Path) -> None:
    assert past_reports(LocalStore(tmp_path / "no"), start=AS_OF, end=AS_OF + DAY) == ((), ())


def test_files_of_anybody_are_named_and_stop_nobody(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    paths = [keep(tmp_path, name, AS_OF, billed=[]) for name in ("a", "b", "c", "d")]
    naive = json.loads(store.read(f"{paths[0]}/findings.json") or b"") | {
        "as_of": "2026-01-13T12:00:00"
    }
    store.write(f"{paths[0]}/findings.json", json.dumps(naive).encode())
    (tmp_path / paths[1] / "findings.json").unlink()
    (tmp_path / paths[1] / "findings.json").mkdir()
    store.write(f"{paths[2]}/findings.json", b"\xff\xfe\x00")
    found, unreadable = past_reports(store, start=AS_OF, end=AS_OF + DAY)
    assert [report.path for report in found] == [paths[3]]
    assert unreadable == tuple(paths[:3])
