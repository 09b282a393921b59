"""The hand-off tells what is open, what changed and what was done, as tables, Markdown and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from nbkit.cli import main
from nbkit.errors import InputError, ParameterError
from nbkit.findings import Finding, Severity, Verdict
from nbkit.questions.handoff import handoff
from nbkit.questions.handoff_report import Handoff, as_markdown
from nbkit.store import NoteOfWork, add_note, folder_stamp, messages_told, notes_between
from nbkit.tables import Column, Table
from nbkit.warehouse.protocol import Warehouse
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"duckdb:///{shared_demo(tmp_path_factory)}"


def write_report(store: Path, as_of: datetime, *subjects: str, notebook: str = "weekly") -> None:
    findings = [
        Finding(
            kind="sla_missed",
            subject=subject,
            severity=Severity.WARNING,
            title=f"{subject} is missed",
            since=None,
            owner="data-platform",
            next_step="look",
            fingerprint=f"sla_missed:{subject}",
        ).to_json()
        for subject in subjects
    ]
    said = {
        "schema": 1,
        "notebook": notebook,
        "as_of": as_of.isoformat(),
        "window": {},
        "verdict": "YELLOW" if subjects else "GREEN",
        "findings": findings,
    }
    folder = store / notebook / folder_stamp(as_of)
    folder.mkdir(parents=True)
    (folder / "findings.json").write_text(json.dumps(said))
    (folder / "manifest.json").write_text(json.dumps({"queries": [], "seconds": 1.0}))


@pytest.fixture(scope="module")
def made(demo: str, tmp_path_factory: pytest.TempPathFactory) -> Handoff:
    folder = tmp_path_factory.mktemp("handoff")
    write_report(folder / "reports", AS_OF - 9 * DAY, "Phase 5", "Phase 6")
    write_report(folder / "reports", AS_OF - DAY / 2, "Phase 5")
    (folder / "reports" / "weekly" / "2026-01-13T110000Z").mkdir()
    (folder / "reports" / "weekly" / "2026-01-13T110000Z" / "manifest.json").write_text("{")
    for hours, words in ((30, "too early"), (2, "Restarted | the coordinator")):
        add_note(
            folder / "state",
            NoteOfWork(at=AS_OF - timedelta(hours=hours), who="ann", what=words),
        )
    return handoff(
        demo,
        as_of=AS_OF,
        reports=str(folder / "reports"),
        state=folder / "state",
        runs_url=f"duckdb:///{folder / 'none.duckdb'}",
    )


class TestTheDemo:
    def test_the_state_is_judged_now(self, made: Handoff) -> None:
        assert made.health.verdict is Verdict.RED
        assert made.headline.startswith("RED: ")
        assert made.judgement.verdict is Verdict.RED

    def test_what_became_bad_in_the_night_is_new_and_what_was_bad_is_not(
        self, made: Handoff
    ) -> None:
        new = {o.finding.kind: o.is_new for o in made.handover.open}
        assert new["silent_processor"] is True  # planted at 22:00
        assert new["phase_success_rate"] is False
        assert new["sla_missed"] is False

    def test_findings_of_other_reports_have_their_age(self, made: Handoff) -> None:
        (weekly,) = [o for o in made.handover.open if o.notebook == "weekly"]
        assert weekly.first_seen == AS_OF - 9 * DAY
        assert "sla_missed:Phase 6" in {r.finding.fingerprint for r in made.handover.recovered}

    def test_a_report_that_cannot_be_read_is_told(self, made: Handoff) -> None:
        assert made.unreadable == ("weekly/2026-01-13T110000Z",)
        assert "1 report could not be read" in str(made.summary_note())

    def test_deadlines_of_critical_processors_are_the_next_ones(self, made: Handoff) -> None:
        assert {each.processor for each in made.deadlines} >= {"PredictionCoordinator"}
        assert all(AS_OF <= each.due <= AS_OF + DAY for each in made.deadlines)

    def test_the_markdown_has_every_part_and_no_broken_table(self, made: Handoff) -> None:
        text = made.markdown()
        for part in ("State now", "Open findings", "What changed", "What was done", "What is next"):
            assert f"\n## {part}" in text
        assert "Restarted \\| the coordinator" in text
        assert "too early" not in text
        for block in text.split("\n\n"):
            if block.startswith("|"):
                plain = block.replace("\\|", "")
                assert len({line.count("|") for line in plain.splitlines()}) == 1


def test_an_empty_table_is_its_sentence() -> None:
    assert as_markdown(Table.of([Column("A")], [], empty="None.")) == "None."


def test_a_watch_has_a_length(demo: str) -> None:
    with pytest.raises(ParameterError, match="above 0"):
        handoff(demo, as_of=AS_OF, since_hours=0)


class TestNotes:
    def test_notes_of_a_time_come_in_its_order_and_a_broken_line_harms_none(
        self, tmp_path: Path
    ) -> None:
        for minutes in (5, 1):
            at = AS_OF + timedelta(minutes=minutes)
            add_note(tmp_path, NoteOfWork(at=at, who="ann", what=f" at\n{minutes} "))
        with (tmp_path / "notes.jsonl").open("a") as file:
            file.write("{broken\n")
        found = notes_between(tmp_path, start=AS_OF, end=AS_OF + timedelta(minutes=5))
        assert [note.what for note in found] == ["at 1"]

    def test_a_note_without_words_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="needs words"):
            add_note(tmp_path, NoteOfWork(at=AS_OF, who="ann", what="  "))

    def test_where_nothing_was_noted_or_told_there_is_nothing(self, tmp_path: Path) -> None:
        assert notes_between(tmp_path, start=AS_OF, end=AS_OF + DAY) == ()
        assert messages_told(tmp_path, start=AS_OF, end=AS_OF + DAY) == ()


class TestCommand:
    @pytest.fixture
    def small(self, tmp_path: Path) -> str:
        """A month of one processor that stopped two days before."""
        path = tmp_path / "small.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            connection.execute(
                f"INSERT INTO {RUN_HISTORY} (processor_name, run_id, status, started_at, "
                "processed_at, data_date, duration_seconds, records_processed) "
                "SELECT name, name || i, 'success', t, t + INTERVAL 20 SECOND, t::DATE, 20, 100 "
                "FROM (SELECT name, i, TIMESTAMPTZ '2026-01-13 11:00:00Z' - INTERVAL 1 HOUR * "
                "(i + IF(name = 'NbacScheduleProcessor', 48, 0)) AS t "
                "FROM range(0, 700) AS r(i), "
                "(VALUES ('NbacScheduleProcessor'), ('BdlStandingsProcessor')) AS p(name))"
            )
        return f"duckdb:///{path}"

    @pytest.fixture
    def asked(self, small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        for folder in ("notebooks", "registry"):
            (tmp_path / folder).mkdir()
        source = Path(__file__).resolve().parents[2] / "registry"
        for file in source.glob("*.yaml"):
            (tmp_path / "registry" / file.name).write_bytes(file.read_bytes())
        monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
        return ["handoff", "--warehouse", small, "--as-of", AS_OF.isoformat()]

    def test_it_prints_markdown(self, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*asked, "--since", "7d"]) == 0
        assert capsys.readouterr().out.startswith("# Hand-off, 2026-01-13 12:00 UTC\n")

    def test_machines_get_json_and_files_the_markdown(
        self, asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*asked, "--json"]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert [each["kind"] for each in document["open"]] == ["silent_processor"]
        assert document["open"][0]["first_seen"] < "2026-01-12"
        assert main([*asked, "--out", str(tmp_path / "handoff.md")]) == 0
        assert (tmp_path / "handoff.md").read_text().startswith("# Hand-off")
        assert main([*asked, "--out", str(tmp_path / "no" / "handoff.md")]) == 2
        assert "cannot be written" in capsys.readouterr().err

    def test_a_note_is_kept_for_the_next_person(
        self, asked: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["handoff", "--note", "seeked the subscription"]) == 0
        capsys.readouterr()
        now = datetime.now(UTC) + timedelta(minutes=1)
        assert main([*asked[:3], "--as-of", now.isoformat(), "--json"]) == 0
        done = json.loads(capsys.readouterr().out)["done"]
        assert [each["what"] for each in done] == ["seeked the subscription"]


def test_both_engines_hand_over_the_same(
    on_duckdb: Callable[[pd.DataFrame], Warehouse],
    on_bigquery: Callable[[pd.DataFrame], Warehouse],
    tmp_path: Path,
) -> None:
    rows = [
        {
            "processor_name": name,
            "run_id": f"{name}{hour}",
            "status": "success",
            "started_at": AS_OF - timedelta(hours=hour + silent),
            "processed_at": AS_OF - timedelta(hours=hour + silent) + timedelta(seconds=20),
            "data_date": (AS_OF - timedelta(hours=hour + silent)).date(),
            "duration_seconds": 20.0,
            "records_processed": 100,
        }
        for name, silent in (("NbacScheduleProcessor", 48), ("BdlStandingsProcessor", 1))
        for hour in range(0, 700, 2)
    ]
    told = []
    for fill in (on_duckdb, on_bigquery):
        with fill(pd.DataFrame(rows)) as warehouse:
            made = handoff(
                warehouse,
                as_of=AS_OF,
                reports=str(tmp_path / "reports"),
                state=tmp_path,
                runs_url=f"duckdb:///{tmp_path / 'none.duckdb'}",
            )
            told.append((made.markdown(), [o.finding for o in made.handover.open]))
    assert told[0] == told[1]
    assert [finding.kind for finding in told[0][1]] == ["silent_processor"]
