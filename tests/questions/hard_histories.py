"""Small histories that anybody may have, each hard in a way of its own.

Every one is a function that fills a DuckDB file with a run history; AS_OF is the moment to ask at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)
COORDINATOR, GAMEBOOK, SUMMARY = (
    "PredictionCoordinator",
    "NbacGamebookProcessor",
    "PlayerGameSummaryProcessor",
)
_REQUIRED = """
CREATE TABLE nba_reference.processor_run_history (
  processor_name VARCHAR, run_id VARCHAR, status VARCHAR, started_at TIMESTAMP, data_date DATE
)"""
# Runs of three registered processors every six hours; every seventh run fails.
_RUNS = f"""
WITH marks AS (
  SELECT * FROM generate_series(
    TIMESTAMPTZ '2026-01-13 11:00:00+00' - INTERVAL ($days) DAY,
    TIMESTAMPTZ '2026-01-13 11:00:00+00', INTERVAL 6 HOUR
  ) AS marks(mark)
),
names AS (
  SELECT * FROM (VALUES
    ('{COORDINATOR}', 'phase_5_predictions'),
    ('{GAMEBOOK}', 'phase_2_raw'),
    ('{SUMMARY}', 'phase_3_analytics')
  ) AS names(processor_name, phase)
),
runs AS (
  SELECT
    processor_name,
    phase,
    mark + INTERVAL (row_number() OVER (PARTITION BY mark ORDER BY processor_name)) MINUTE AS began,
    row_number() OVER (ORDER BY mark, processor_name) AS n
  FROM marks, names
)
SELECT
  processor_name,
  'r' || n AS run_id,
  CASE WHEN n % 7 = 0 THEN 'failed' ELSE 'success' END AS status,
  began AS started_at,
  began + INTERVAL (20 + n % 11) SECOND AS processed_at,
  20.0 + n % 11 AS duration_seconds,
  100 + n % 13 AS records_processed,
  CAST(began AS DATE) AS data_date,
  phase,
  CASE WHEN n % 7 = 0 THEN json_array('Connection to host 10.0.0.1 timed out') END AS errors
FROM runs
"""

Fill = Callable[[duckdb.DuckDBPyConnection], None]
HISTORIES: dict[str, Fill] = {}


def write(name: str, folder: Path) -> Path:
    """The file of the history of that name."""
    path = folder / f"{name}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA nba_reference")
        HISTORIES[name](connection)
    return path


def _history(fill: Fill) -> Fill:
    HISTORIES[fill.__name__] = fill
    return fill


def _ordinary(connection: duckdb.DuckDBPyConnection, *, days: int = 45, change: str = "") -> None:
    """The runs above, `change` being a `REPLACE` or `WHERE` that follows `SELECT *`."""
    connection.execute(duckdb_ddl())
    runs = _RUNS.replace("$days", str(days))
    connection.execute(
        f"INSERT INTO {RUN_HISTORY} BY NAME SELECT * {change or 'FROM runs'}".replace(
            "FROM runs", f"FROM ({runs}) AS runs"
        )
    )


@_history
def ordinary(connection: duckdb.DuckDBPyConnection) -> None:
    _ordinary(connection)


@_history
def empty(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(duckdb_ddl())


@_history
def only_required_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """And naive moments: they are UTC."""
    connection.execute(_REQUIRED)
    runs = _RUNS.replace("$days", "45")
    connection.execute(
        f"INSERT INTO {RUN_HISTORY} SELECT processor_name, run_id, status, "
        f"started_at AT TIME ZONE 'UTC', data_date FROM ({runs}) AS runs"
    )


@_history
def one_run(connection: duckdb.DuckDBPyConnection) -> None:
    _ordinary(connection, days=0, change="FROM runs LIMIT 1")


@_history
def only_running(connection: duckdb.DuckDBPyConnection) -> None:
    _ordinary(
        connection,
        change="REPLACE ('running' AS status, NULL AS processed_at, NULL AS duration_seconds, "
        "NULL AS errors) FROM runs",
    )


@_history
def nobody_registered(connection: duckdb.DuckDBPyConnection) -> None:
    _ordinary(
        connection,
        change="REPLACE ('Own' || processor_name AS processor_name, NULL AS phase) FROM runs",
    )


@_history
def ended_days_ago(connection: duckdb.DuckDBPyConnection) -> None:
    _ordinary(connection, change="FROM runs WHERE started_at < '2026-01-08 00:00:00+00'")


@_history
def began_yesterday(connection: duckdb.DuckDBPyConnection) -> None:
    _ordinary(connection, days=1)


@_history
def one_giant_day(connection: duckdb.DuckDBPyConnection) -> None:
    """Three thousand runs between noon and noon, of one data date."""
    connection.execute(duckdb_ddl())
    connection.execute(
        f"""
        INSERT INTO {RUN_HISTORY} BY NAME
        SELECT
          '{GAMEBOOK}' AS processor_name, 'r' || n AS run_id,
          CASE WHEN n % 3 = 0 THEN 'failed' ELSE 'success' END AS status,
          TIMESTAMPTZ '2026-01-12 12:00:00+00' + INTERVAL (n * 28) SECOND AS started_at,
          TIMESTAMPTZ '2026-01-12 12:00:05+00' + INTERVAL (n * 28) SECOND AS processed_at,
          5.0 AS duration_seconds, DATE '2026-01-12' AS data_date,
          'm' || n % 900 AS trigger_message_id, 'pubsub' AS trigger_source,
          CASE WHEN n % 3 = 0 THEN json_array('No data for game ' || n) END AS errors
        FROM generate_series(1, 3000) AS runs(n)
        """
    )


@_history
def hostile_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Markup, markdown, quotes, other alphabets, control characters and 100,000 letters."""
    _ordinary(
        connection,
        change="""
        REPLACE (
          CASE processor_name
            WHEN 'NbacGamebookProcessor' THEN 'Bobby''); DROP TABLE "x" | `y` <b>é</b>'
            WHEN 'PlayerGameSummaryProcessor' THEN 'Ødegård $x^2 \\n {name} %s' || repeat('w', 90)
            ELSE processor_name
          END AS processor_name,
          CASE CAST(substr(run_id, 2) AS INTEGER) % 7 WHEN 0 THEN json_array(
            ['<script>alert(1)</script> | a `tick` *bold* _x_ [link](http://e.org) <!channel>',
             repeat('long ', 20000), 'tab' || chr(9) || 'bell' || chr(7) || ' null 选手 🏀',
             '$\\frac{1}{0}$ \\u0000 %d {0} & &amp;', '   ']
            [1 + CAST(substr(run_id, 2) AS INTEGER) // 7 % 5]) END AS errors,
          '<i>phase</i> | 5' AS phase
        ) FROM runs
        """,
    )


@_history
def cut_json(connection: duckdb.DuckDBPyConnection) -> None:
    """JSON columns as text, cut in the middle or of any shape, in rows that lack what they need."""
    connection.execute(duckdb_ddl().replace(" JSON", " VARCHAR").replace(" NOT NULL", ""))
    runs = _RUNS.replace("$days", "45")
    connection.execute(
        f"""
        INSERT INTO {RUN_HISTORY} BY NAME
        SELECT * REPLACE (
          ['[{{"error_message": "cut in the mid', '', 'null', '{{}}', '[]', '[[["deep"]]]', '42',
           '"plain"', '[null, 7, {{"message": null}}]', '[{{"error_message": {{"a": 1}}}}]']
          [1 + CAST(substr(run_id, 2) AS INTEGER) % 10] AS errors,
          [NULL, 'Cancelled ', '', status, status, status]
          [1 + CAST(substr(run_id, 2) AS INTEGER) % 6] AS status
        ), '{{"broken": ' AS summary, 'x' AS upstream_dependencies, '' AS missing_dependencies,
        '[1, 2' AS trigger_message_data, 'nope' AS timing_breakdown
        FROM ({runs})
        """
    )
    for n, column in enumerate(("processor_name", "run_id", "started_at", "data_date"), start=2):
        connection.execute(f"UPDATE {RUN_HISTORY} SET {column} = NULL WHERE run_id LIKE '%{n}1'")


@_history
def wild_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    """Runs that took nothing, a century, or ended before they began; records below none. Each run
    has a row of its start as well, and a failure a month later, which nobody can know of yet."""
    _ordinary(
        connection,
        change="""
        REPLACE (
          [0.0, -5.0, 3.2e9, 'NaN'::DOUBLE, 'Infinity'::DOUBLE, NULL]
          [1 + CAST(substr(run_id, 2) AS INTEGER) % 6] AS duration_seconds,
          CASE CAST(substr(run_id, 2) AS INTEGER) % 4
            WHEN 0 THEN started_at WHEN 1 THEN started_at - INTERVAL 5 SECOND
            ELSE processed_at END AS processed_at,
          [-7, 9223372036854775807, -9223372036854775808, 0, NULL]
          [1 + CAST(substr(run_id, 2) AS INTEGER) % 5] AS records_processed
        ) FROM runs
        """,
    )
    connection.execute(
        f"INSERT INTO {RUN_HISTORY} SELECT * REPLACE ('running' AS status, NULL AS processed_at, "
        f"NULL AS duration_seconds, NULL AS errors) FROM {RUN_HISTORY}"
    )
    connection.execute(
        f"INSERT INTO {RUN_HISTORY} SELECT * REPLACE (run_id || 'f' AS run_id, "
        "'failed' AS status, started_at + INTERVAL 30 DAY AS started_at, "
        "processed_at + INTERVAL 30 DAY AS processed_at, data_date + 30 AS data_date) "
        f"FROM {RUN_HISTORY} WHERE started_at > '2025-12-15 12:00:00+00' AND status <> 'running'"
    )
