"""The demo's planted differences are found; safe, unsafe and not enough have a history each;
tables, query files and files of rows are all read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbkit.errors import InputError, ParameterError, UnknownQuery
from nbkit.findings import Verdict
from nbkit.questions.parity import parity
from nbkit.questions.parity_report import ParityReport
from nbkit.warehouse.demo.twins import DIFFERING, EXTRA, MISSING, TABLES, outputs
from nbkit.warehouse.protocol import Warehouse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
KEYS = ["data_date", "processor_name"]
HOW: dict[str, Any] = {"keys": KEYS, "ignore": ["checked_at"], "tolerance": 0.01}
Fill = Callable[[pd.DataFrame], Warehouse]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"duckdb:///{shared_demo(tmp_path_factory)}"


def asked(warehouse: Warehouse | str, left: str, right: str, **more: Any) -> ParityReport:
    return parity(warehouse, as_of=AS_OF, name="self_heal", left=left, right=right, **(HOW | more))


def side_by_side(*, days: int, failing: int = 0, seconds: float = 20.0) -> pd.DataFrame:
    """Two processors, forty runs an evening each."""
    rows = []
    for name, bad, length in (("old", 0, 20.0), ("new", failing, seconds)):
        for day in range(1, days + 1):
            for n in range(40):
                start = AS_OF.replace(hour=20) - timedelta(days=day) + timedelta(minutes=n)
                rows.append(
                    {
                        "processor_name": name,
                        "run_id": f"{name}-{day}-{n}",
                        "status": "failed" if n < bad else "success",
                        "errors": '["KeyError: x"]' if n < bad else None,
                        "started_at": start,
                        "processed_at": start + timedelta(seconds=length),
                        "data_date": start.date(),
                        "duration_seconds": length * (0.9 + 0.2 * (n % 2)),
                        "records_processed": 5,
                    }
                )
    return pd.DataFrame(rows)


TWINS = {"processors": ["old", "new"]}


class TestTheDemo:
    def test_what_was_planted_is_found(self, demo: str) -> None:
        found = asked(demo, *TABLES)
        assert found.outputs is not None
        assert len(found.outputs.only_left) == MISSING
        assert len(found.outputs.only_right) == EXTRA
        assert {c.name: c.differing for c in found.outputs.columns if c.differing} == {
            "action": DIFFERING
        }
        assert found.verdict is Verdict.RED
        assert found.findings[0].kind == "outputs_differ"
        assert f"{DIFFERING} values differ" in found.headline

    def test_the_tracker_counts_from_the_list(self, demo: str) -> None:
        found = asked(demo, *TABLES)
        assert "13 of 29 Cloud Functions are on Gen2" in str(found.tracker_note())
        assert "self_heal" in found.tracker_figure().alt
        assert found.tracker_figure().png()[:4] == b"\x89PNG"
        for table in (
            found.output_table(),
            found.column_table(),
            found.run_table(),
            found.tracker_table(),
        ):
            assert repr(table)


class TestVerdicts:
    def files(self, folder: Path, **change: Any) -> tuple[str, str]:
        first, _ = outputs()
        paths = (folder / "old.parquet", folder / "new.parquet")
        first.to_parquet(paths[0])
        first.assign(**change).to_parquet(paths[1])
        return str(paths[0]), str(paths[1])

    def test_safe(self, on_duckdb: Fill, tmp_path: Path) -> None:
        with on_duckdb(side_by_side(days=8)) as warehouse:
            found = asked(warehouse, *self.files(tmp_path), **TWINS)
        assert found.verdict is Verdict.GREEN
        assert found.is_safe
        assert "safe to cut over" in str(found.summary_note())

    def test_runs_that_ended_days_ago_are_no_evidence(
        self, on_duckdb: Fill, tmp_path: Path
    ) -> None:
        old = side_by_side(days=7)
        old[["started_at", "processed_at"]] -= timedelta(days=4)
        with on_duckdb(old) as warehouse:
            found = asked(warehouse, *self.files(tmp_path), **TWINS)
        assert found.verdict is Verdict.UNKNOWN
        assert found.findings[0].kind == "stale_history"
        assert "stale" in found.headline

    def test_too_few_days_are_not_enough(self, on_duckdb: Fill, tmp_path: Path) -> None:
        with on_duckdb(side_by_side(days=3)) as warehouse:
            found = asked(warehouse, *self.files(tmp_path), **TWINS)
        assert found.verdict is Verdict.UNKNOWN
        assert "both ran on 3 of 7 days" in found.headline

    def test_outputs_alone_are_not_enough(self, demo: str, tmp_path: Path) -> None:
        found = asked(demo, *self.files(tmp_path))
        assert found.verdict is Verdict.UNKNOWN
        assert "no processors were named" in found.headline

    def test_runs_alone_are_not_enough(self, on_duckdb: Fill) -> None:
        with on_duckdb(side_by_side(days=8)) as warehouse:
            found = asked(warehouse, "", "", **TWINS)
        assert found.verdict is Verdict.UNKNOWN
        assert "no outputs were given" in found.headline

    @pytest.mark.parametrize(
        ("worse", "kind"),
        [({"failing": 12}, "twin_fails_more"), ({"seconds": 60.0}, "twin_is_slower")],
    )
    def test_more_failures_or_longer_runs_speak_against_it(
        self, on_duckdb: Fill, tmp_path: Path, worse: dict[str, Any], kind: str
    ) -> None:
        with on_duckdb(side_by_side(days=8, **worse)) as warehouse:
            found = asked(warehouse, *self.files(tmp_path), **TWINS)
        assert found.verdict is Verdict.YELLOW
        assert [finding.kind for finding in found.findings] == [kind]

    def test_a_value_that_differs_is_red(self, on_duckdb: Fill, tmp_path: Path) -> None:
        with on_duckdb(side_by_side(days=8)) as warehouse:
            found = asked(warehouse, *self.files(tmp_path, attempts=99), **TWINS)
        assert found.verdict is Verdict.RED


class TestSources:
    def test_tables_and_query_files_are_read_alike_on_both_engines(
        self, on_duckdb: Fill, on_bigquery: Fill, tmp_path: Path
    ) -> None:
        query = tmp_path / "per_day.sql"
        query.write_text(
            "-- One row: a processor and day.\n"
            "SELECT processor_name, data_date, COUNT(*) AS runs, 'x' AS word\n"
            "FROM `nba_reference.processor_run_history`\n"
            "WHERE data_date >= '2026-01-01'\nGROUP BY processor_name, data_date\n"
        )
        found = []
        for fill in (on_duckdb, on_bigquery):
            with fill(side_by_side(days=2)) as warehouse:
                asked_for = {"keys": ["processor_name", "data_date"], "ignore": []}
                one = asked(warehouse, str(query), str(query), **asked_for)
                table = warehouse.history
                whole = asked(warehouse, table, table, keys=["run_id"], ignore=[])
                found.append((one.outputs, whole.outputs))
        assert found[0][0] == found[1][0]
        assert found[0][0] is not None
        assert found[0][0].matched == 4
        assert found[0][1] is not None
        assert found[0][1].matched == 160
        assert found[0][1].is_equal

    def test_csv_and_json_lines_are_read(self, demo: str, tmp_path: Path) -> None:
        first, _ = outputs()
        frame = first.assign(checked_at=first["checked_at"].astype(str))
        frame.to_csv(tmp_path / "old.csv", index=False)
        frame.assign(data_date=frame["data_date"].astype(str)).to_json(
            tmp_path / "new.jsonl", orient="records", lines=True
        )
        found = asked(demo, str(tmp_path / "old.csv"), str(tmp_path / "new.jsonl"))
        assert found.outputs is not None
        assert found.outputs.is_equal
        assert found.outputs.matched == len(first)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("DELETE FROM a.b WHERE TRUE", "must hold one SELECT"),
            ("SELECT 1; SELECT 2", "must hold one SELECT"),
            ("SELEC 1 FROM FROM", "GoogleSQL|one SELECT"),
        ],
    )
    def test_a_query_file_may_only_read(
        self, demo: str, tmp_path: Path, text: str, said: str
    ) -> None:
        query = tmp_path / "own.sql"
        query.write_text(text)
        with pytest.raises(UnknownQuery, match=said):
            asked(demo, str(query), TABLES[1])

    def test_a_file_that_is_not_there_is_told(self, demo: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="there is no such file"):
            asked(demo, str(tmp_path / "no.csv"), TABLES[1])
        with pytest.raises(UnknownQuery, match="no such query file"):
            asked(demo, str(tmp_path / "no.sql"), TABLES[1])

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"right": ""}, "left and right: give both"),
            ({"processors": ["old"]}, "name the old one and the new one"),
            ({"margins": {"speed": 2}}, "not speed"),
            ({"keys": ["nothing"]}, "keys, tolerance: the left table has no column"),
            ({"days": 0}, "days is a whole number, at least 1"),
        ],
    )
    def test_parameters_that_make_no_sense_are_refused(
        self, demo: str, wrong: dict[str, Any], said: str
    ) -> None:
        given = {"left": TABLES[0], "right": TABLES[1]} | wrong
        with pytest.raises(ParameterError, match=said):
            asked(demo, given.pop("left"), given.pop("right"), **given)
