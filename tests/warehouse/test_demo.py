"""The demo history: published figures, planted truth, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pytest
from demo_fixture import demo_path as demo_path

from nbkit.errors import InputError, WarehouseForeign, WarehouseMissing
from nbkit.warehouse import demo, open_warehouse
from nbkit.warehouse.demo import DemoTruth, build_demo, load_truth, messages
from nbkit.warehouse.demo.facts import load_facts
from nbkit.warehouse.demo.generate import part_of_history
from nbkit.warehouse.demo.plan import Plan, plans
from nbkit.warehouse.demo.planted import PLANTED_INCIDENTS
from nbkit.warehouse.demo.published import compare
from nbkit.warehouse.schema import COLUMNS, DUCKDB_TYPES, RUN_HISTORY

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
SMALL = 27_000


@pytest.fixture(scope="module")
def history(demo_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def truth(demo_path: Path) -> DemoTruth:
    return load_truth(demo_path)


def rows(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[tuple]:
    return connection.execute(query.replace("HISTORY", RUN_HISTORY), list(values)).fetchall()


def fingerprint(path: Path) -> tuple:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return rows(
            connection, "SELECT count(*), bit_xor(md5_number_lower(h::VARCHAR)) FROM HISTORY AS h"
        )[0]


def test_every_published_figure_is_within_its_tolerance(demo_path: Path) -> None:
    compared = compare(demo_path)
    assert len(compared) > 140
    assert [one for one in compared if not one.ok] == []


def test_a_figure_out_of_tolerance_is_noticed(demo_path: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(demo_path.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute(
            f"DELETE FROM {RUN_HISTORY} WHERE run_id = (SELECT min(run_id) FROM {RUN_HISTORY} "
            "WHERE processor_name = 'NbacGamebookProcessor' AND status = 'success' "
            "AND started_at BETWEEN '2025-12-20' AND '2026-01-10')"
        )
    wrong = {one.figure for one in compare(changed) if not one.ok}
    assert "NbacGamebookProcessor successes" in wrong


def test_the_table_is_that_of_the_schema(history: duckdb.DuckDBPyConnection) -> None:
    found = rows(history, "SELECT column_name, column_type FROM (DESCRIBE HISTORY)")
    assert found == [(c.name, DUCKDB_TYPES[c.type]) for c in COLUMNS]


def test_the_file_is_sorted_by_date_and_processor(history: duckdb.DuckDBPyConnection) -> None:
    unsorted = rows(
        history,
        "SELECT count(*) FROM (SELECT (data_date, processor_name) AS own, "
        "lag((data_date, processor_name)) OVER (ORDER BY rowid) AS before FROM HISTORY) "
        "WHERE own < before",
    )
    assert unsorted == [(0,)]


def test_every_processor_that_is_registered_has_a_history(
    history: duckdb.DuckDBPyConnection,
) -> None:
    from nbkit.registry import load_registry

    registered = {p.name for p in load_registry().processors}
    seen = {row[0] for row in rows(history, "SELECT DISTINCT processor_name FROM HISTORY")}
    assert seen == registered


def test_old_runs_have_two_rows_and_later_ones_have_one(
    history: duckdb.DuckDBPyConnection,
) -> None:
    by_rows = rows(
        history,
        "SELECT n, min(first), max(first) FROM (SELECT run_id, count(*) AS n, "
        "min(started_at) AS first FROM HISTORY GROUP BY 1) GROUP BY 1 ORDER BY 1",
    )
    assert [row[0] for row in by_rows] == [1, 2]
    assert by_rows[1][2] < datetime(2025, 12, 1, tzinfo=UTC) <= by_rows[0][1]
    halves = rows(
        history,
        "SELECT count(*) FILTER (status = 'running' AND processed_at IS NULL), count(*) "
        "FROM HISTORY WHERE started_at < '2025-12-01'",
    )[0]
    assert halves[0] * 2 == halves[1]


def test_new_columns_are_empty_before_the_release(history: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT count(retry_attempt), count(failure_category), count(*) FROM HISTORY "
        "WHERE started_at {} '2026-01-14'"
    )
    assert rows(history, query.format("<"))[0][:2] == (0, 0)
    retried, categorised, runs = rows(history, query.format(">="))[0]
    assert 0 < retried < runs
    assert 0 < categorised < runs
    second_vocabulary = {
        row[0]
        for row in rows(
            history, "SELECT DISTINCT failure_category FROM HISTORY WHERE failure_category != ''"
        )
    }
    assert second_vocabulary == {
        "no_data_available",
        "upstream_failure",
        "processing_error",
        "timeout",
        "configuration_error",
        "unknown",
    }


def test_errors_come_in_every_shape_seen_in_production(
    history: duckdb.DuckDBPyConnection,
) -> None:
    shapes = {
        row[0]
        for row in rows(
            history,
            "SELECT DISTINCT json_type(errors) || coalesce(':' || json_type(errors, '$[0]'), '') "
            "FROM HISTORY WHERE errors IS NOT NULL",
        )
    }
    assert shapes == {"ARRAY:VARCHAR", "ARRAY:OBJECT", "VARCHAR"}
    traces = "SELECT count(*) FROM HISTORY WHERE errors->>'$[0].traceback' LIKE 'Traceback%'"
    assert rows(history, traces)[0][0] > 1_000


def test_swept_runs_end_on_the_sweeps_marks_and_lost_their_errors(
    history: duckdb.DuckDBPyConnection,
) -> None:
    swept = rows(
        history,
        "SELECT count(*), count(*) FILTER (minute(processed_at + INTERVAL 1 SECOND) IN (0, 30) "
        "AND second(processed_at + INTERVAL 1 SECOND) = 1), min(duration_seconds), "
        "count(errors->>'$[0].original_errors') "
        "FROM HISTORY WHERE errors::VARCHAR LIKE '%stale_running_cleanup%' "
        "AND processed_at > '2026-01-04 16:00'",
    )[0]
    assert swept[0] == swept[1] == 35
    assert swept[2] > 4 * 3600 - 1
    assert swept[3] == 0


def test_redeliveries_of_one_message_wait_ever_longer(history: duckdb.DuckDBPyConnection) -> None:
    gaps = [
        row[0]
        for row in rows(
            history,
            "SELECT round(median(gap)) FROM (SELECT row_number() OVER w AS delivery, "
            "epoch(started_at - lag(processed_at) OVER w) AS gap FROM HISTORY "
            "WHERE processor_name = 'BasketballRefRosterProcessor' AND status = 'failed' "
            "AND started_at BETWEEN '2025-12-14' AND '2026-01-13 23:00' "
            "AND trigger_message_id IS NOT NULL "
            "WINDOW w AS (PARTITION BY trigger_message_id ORDER BY started_at)) "
            "WHERE delivery > 1 GROUP BY delivery ORDER BY delivery",
        )
    ]
    assert gaps == [10, 20, 40, 80]


def test_the_poison_message_is_redelivered_every_ten_minutes_at_most(
    history: duckdb.DuckDBPyConnection, truth: DemoTruth
) -> None:
    poison = truth.incident("poison_message")
    gaps = [
        row[0]
        for row in rows(
            history,
            "SELECT round(epoch(started_at - lag(processed_at) OVER (ORDER BY started_at))) "
            "FROM HISTORY WHERE trigger_message_id = (SELECT trigger_message_id FROM HISTORY "
            "WHERE run_id = ?) ORDER BY started_at",
            poison.run_ids[0],
        )
    ]
    assert len(gaps) == poison.size
    assert gaps[1:8] == [10, 20, 40, 80, 160, 320, 600]
    assert set(gaps[8:]) == {600}


def test_no_run_of_the_main_period_but_the_stuck_is_open(
    history: duckdb.DuckDBPyConnection, truth: DemoTruth
) -> None:
    open_runs = rows(
        history,
        "SELECT run_id FROM HISTORY WHERE processed_at IS NULL AND started_at > '2025-12-01'",
    )
    stuck = truth.incident("stuck_coordinator")
    assert {row[0] for row in open_runs} == set(stuck.run_ids)


def test_everything_planted_is_in_the_truth(truth: DemoTruth) -> None:
    assert {i.name for i in truth.incidents} == {planted.name for planted in PLANTED_INCIDENTS}
    assert all(incident.size > 0 for incident in truth.incidents)


def test_quota_bursts_are_all_the_runs_that_met_the_quota(
    history: duckdb.DuckDBPyConnection, truth: DemoTruth
) -> None:
    met = rows(
        history,
        "SELECT count(*) FROM HISTORY WHERE status = 'failed' AND started_at >= ? "
        "AND started_at < ? AND errors::VARCHAR LIKE '%Quota exceeded%'",
        truth.start,
        truth.end,
    )
    assert met == [(truth.incident("quota_bursts").size,)]


def test_the_truth_names_runs_that_are_there(
    history: duckdb.DuckDBPyConnection, truth: DemoTruth
) -> None:
    for incident in truth.incidents:
        found = rows(
            history,
            "SELECT count(DISTINCT run_id), min(started_at) >= ?, max(processed_at) <= ?, "
            "bool_and(list_contains(?, processor_name)) "
            "FROM HISTORY WHERE run_id IN (SELECT unnest(?))",
            incident.start - timedelta(seconds=1),
            incident.end + timedelta(seconds=1),
            list(incident.processors),
            list(incident.run_ids),
        )[0]
        if incident.kind == "silent_processor":
            continue
        assert found[0] == len(incident.run_ids) == min(incident.size, 20), incident.name
        starts_inside, ends_inside, named = found[1:]
        assert starts_inside, incident.name
        assert ends_inside is not False, incident.name  # null: still open
        assert named, incident.name


def test_the_bad_morning_is_what_the_truth_says(
    history: duckdb.DuckDBPyConnection, truth: DemoTruth
) -> None:
    assert truth.as_of == AS_OF
    silent = truth.incident("silent_game_lines")
    last, later = rows(
        history,
        "SELECT max(started_at) FILTER (started_at < $2), count(*) FILTER (started_at >= $2) "
        "FROM HISTORY WHERE processor_name = $1 AND started_at < $3",
        silent.processors[0],
        silent.start,
        truth.as_of,
    )[0]
    assert later == 0
    assert silent.start - last < timedelta(hours=2)
    slow = "SELECT quantile_cont(duration_seconds, 0.95) FROM HISTORY WHERE status = 'success' AND "
    slow += "processor_name = 'PlayerShotZoneAnalysisProcessor' AND started_at BETWEEN ? AND ?"
    day, month = timedelta(days=1), timedelta(days=30)
    recent = rows(history, slow, AS_OF - day, AS_OF)[0][0]
    assert recent > 2 * rows(history, slow, AS_OF - month, AS_OF - day)[0][0]
    best = rows(
        history,
        "SELECT data_date = DATE '2026-01-12', max(records_processed) FROM HISTORY WHERE "
        "processor_name = 'NbacGamebookProcessor' AND status = 'success' AND processed_at <= ? "
        "AND data_date BETWEEN '2026-01-02' AND '2026-01-12' GROUP BY data_date",
        AS_OF,
    )
    assert all((records < 100) == planted for planted, records in best)
    assert any(planted for planted, _records in best)
    new = rows(
        history,
        "SELECT min(started_at) FROM HISTORY WHERE errors::VARCHAR LIKE '%certificate has%'",
    )[0][0]
    assert AS_OF - day < new == truth.incident("expired_certificate").start


def test_drift_and_step_show_in_the_means(
    history: duckdb.DuckDBPyConnection, truth: DemoTruth
) -> None:
    for name in ("daily_cache_drift", "feature_store_step"):
        incident = truth.incident(name)
        before, later = rows(
            history,
            "SELECT avg(duration_seconds) FILTER (started_at < $2), "
            "avg(duration_seconds) FILTER (started_at >= $3) FROM HISTORY "
            "WHERE processor_name = $1 AND status = 'success' "
            "AND started_at BETWEEN '2025-12-14' AND '2026-01-13 12:00'",
            incident.processors[0],
            incident.start,
            max(incident.start, AS_OF - timedelta(days=5)),
        )[0]
        assert later > 1.25 * before, name


def test_a_truth_reads_back_as_it_was_written(truth: DemoTruth) -> None:
    assert DemoTruth.from_json(truth.to_json()) == truth
    causes = {i.cause for i in truth.of_kind("failure_storm")}
    assert {"scheduler_collision", "poison_message", "republish_loop", "premature_start"} <= causes
    with pytest.raises(KeyError, match="no incident 'nothing'"):
        truth.incident("nothing")


def test_the_catalog_can_ask_it(demo_path: Path) -> None:
    with open_warehouse(f"duckdb:///{demo_path}") as warehouse:
        fresh = warehouse.query(
            "history_freshness", start=AS_OF - timedelta(days=30), end=AS_OF, as_of=AS_OF
        )
    assert AS_OF - fresh["last_started_at"].iloc[0] < timedelta(minutes=30)
    assert fresh["runs_after_as_of"].iloc[0] > 0


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        build_demo(tmp_path / name, runs=SMALL, seed=seed)
    one, two, three = (fingerprint(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_a_demo_of_another_size_keeps_the_proportions(tmp_path: Path) -> None:
    truth = build_demo(tmp_path / "small.duckdb", runs=SMALL)
    assert truth.runs == SMALL
    compared = {one.figure: one for one in compare(tmp_path / "small.duckdb")}
    assert compared["runs"].generated == SMALL
    wrong = [one for one in compared.values() if not one.ok and one.section in ("phases", "totals")]
    assert [one.figure for one in wrong if "mean" not in one.figure] == []


def test_a_demo_in_parts_is_sorted_and_has_distinct_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.duckdb"
    monkeypatch.setattr(demo.generate, "plans", partial(plans, largest=21_000))
    monkeypatch.setattr(demo.generate, "_ROWS_A_SORT", 10_000)
    build_demo(path, runs=60_000)
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        runs, ids, disorder = rows(
            connection,
            "SELECT count(*), count(DISTINCT run_id), count(*) FILTER (own < before) FROM ("
            "SELECT *, (data_date, processor_name) AS own, lag((data_date, processor_name)) "
            "OVER (ORDER BY rowid) AS before FROM HISTORY) "
            "WHERE started_at BETWEEN '2025-12-14' AND '2026-01-13 23:59:59.999999'",
        )[0]
    assert (runs, ids, disorder) == (60_000, 60_000, 0)


def test_parts_do_not_round_small_counts_all_to_one_side() -> None:
    facts = load_facts()

    def swept(plan: Plan) -> np.ndarray:
        runs = part_of_history(facts, plan, seed=1)
        recent = (runs.text == messages.template(messages.SWEPT)) & (runs.incident < 0)
        return np.bincount(runs.processor[recent], minlength=len(facts.processors))

    (whole,) = plans(facts, 269_971)
    parts = plans(facts, 100_000, largest=35_000)
    assert len(parts) > 1
    wanted = swept(whole) * (100_000 / 269_971)
    assert abs(sum(swept(part) for part in parts) - wanted).max() <= 0.5


@pytest.mark.parametrize("runs", [20_000, 269_971, 1_000_000, 50_000_000])
def test_the_parts_of_a_plan_add_up_and_none_is_large(runs: int) -> None:
    parts = plans(load_facts(), runs)
    assert sum(part.runs for part in parts) == runs
    assert max(part.runs for part in parts) < 270_100
    for part in parts:
        assert min(part.successes.min(), part.failures.min(), part.others.min()) >= 0


def test_a_history_is_moved_by_whole_weeks(tmp_path: Path) -> None:
    wanted = datetime(2026, 11, 20, 9, tzinfo=UTC)
    path = tmp_path / "moved.duckdb"
    truth = build_demo(path, runs=SMALL, as_of=wanted)
    assert timedelta(0) <= wanted - truth.as_of < timedelta(weeks=1)
    assert truth.shift % timedelta(weeks=1) == timedelta(0)
    assert truth.incident("stuck_coordinator").end == truth.as_of
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        first, last, early = rows(
            connection,
            "SELECT min(started_at), max(started_at), min(data_date) FROM HISTORY",
        )[0]
    assert first.date() == (datetime(2025, 9, 30) + truth.shift).date()  # noqa: DTZ001
    assert last.date() == (datetime(2026, 1, 18) + truth.shift).date()  # noqa: DTZ001
    assert early <= first.date()


def test_an_existing_file_survives_a_build_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.duckdb"
    path.write_bytes(b"precious")

    def full_disk(*_args: object, **_options: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(demo.generate, "run_tables", full_disk)
    with pytest.raises(OSError, match="No space"):
        build_demo(path, runs=SMALL)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_who_reads_the_old_file_while_it_is_replaced_reads_it_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "replaced.duckdb"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        build_demo(path, runs=SMALL)
        assert reader.read() == b"old"
    assert load_truth(path).runs == SMALL


def test_what_cannot_be_built_or_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        build_demo(tmp_path, runs=SMALL)
    with pytest.raises(InputError, match="seed of -3"):
        build_demo(tmp_path / "x.duckdb", runs=SMALL, seed=-3)
    with pytest.raises(InputError, match="at least 20,000"):
        build_demo(tmp_path / "x", runs=10)
    with pytest.raises(InputError, match="no time zone"):
        build_demo(tmp_path / "x", as_of=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InputError, match="Make the folder first"):
        build_demo(tmp_path / "absent" / "x")
    with pytest.raises(WarehouseMissing, match="nbkit demo build"):
        load_truth(tmp_path / "x")
    (tmp_path / "text").write_text("not a database, whatever its name may say")
    with pytest.raises(WarehouseForeign, match="not a demo warehouse"):
        load_truth(tmp_path / "text")
