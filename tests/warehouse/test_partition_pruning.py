"""Every read of the run history prunes partitions: proved on the parse tree of every SQL file.

The table is partitioned by `data_date`. BigQuery skips partitions where a WHERE that always holds
bounds that column by a value known before the query runs: parameters and constants, not other
columns, not a subquery, and not the column inside a function.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlglot import exp, parse_one

from nbkit.warehouse import catalog
from nbkit.warehouse.schema import PARTITION_COLUMN, RUN_HISTORY, TABLE

# Tables with partitions, and the column of each.
PARTITIONS = {
    TABLE: PARTITION_COLUMN,
    "upcoming_player_game_context": "game_date",
    "upcoming_team_game_context": "game_date",
    "breaker_resets": "reset_at",  # has none, being small; bounded all the same
    "sla_measurements": "measured_on",
}


def unbounded_reads(sql: str) -> list[str]:
    """What keeps each read of a table with partitions from pruning; empty where all prune."""
    tree = parse_one(sql, read="bigquery")
    reads = [
        table
        for table in tree.find_all(exp.Table)
        if table.name in PARTITIONS
        and not isinstance(table.parent, (exp.Insert, exp.Schema))  # appended to, not read
    ]
    if not reads:
        return [f"does not read {RUN_HISTORY}"]
    problems = []
    for table in reads:
        reader = table.find_ancestor(exp.Select, exp.Delete, exp.Update, exp.Merge)
        bounds = set(bounds_of(reader, table)) if reader else set()
        problems += [f"no {side} bound" for side in ("lower", "upper") if side not in bounds]
    return problems


def bounds_of(reader: exp.Expression, table: exp.Table) -> Iterator[str]:
    """Each side on which the SELECT, or what changes rows, bounds the table's partition column."""
    where = reader.args.get("where")
    condition = where.this if where else reader.args.get("on")  # a MERGE's
    if condition is None:
        return
    conjuncts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    for conjunct in conjuncts:
        if not is_partition_column(conjunct.this, of=table, among=reader):
            continue
        if isinstance(conjunct, exp.Between):
            if is_known_beforehand(conjunct.args["low"]):
                yield "lower"
            if is_known_beforehand(conjunct.args["high"]):
                yield "upper"
        elif isinstance(conjunct, (exp.GTE, exp.GT)) and is_known_beforehand(conjunct.expression):
            yield "lower"
        elif isinstance(conjunct, (exp.LTE, exp.LT)) and is_known_beforehand(conjunct.expression):
            yield "upper"


def is_partition_column(expression: object, *, of: exp.Table, among: exp.Expression) -> bool:
    if not isinstance(expression, exp.Column) or expression.name != PARTITIONS[of.name]:
        return False
    # Beside a join, a column without its table's name may be the other table's.
    return expression.table == of.alias_or_name or not (
        expression.table or among.args.get("joins") or isinstance(among, exp.Merge)
    )


def is_known_beforehand(expression: exp.Expression) -> bool:
    return expression.find(exp.Parameter) is not None and not expression.find(
        exp.Column, exp.Select, exp.Subquery
    )


@pytest.mark.parametrize("name", catalog.query_names())
def test_every_read_of_the_run_history_prunes_partitions(name: str) -> None:
    assert unbounded_reads(catalog.googlesql(name)) == []


@pytest.mark.parametrize("name", catalog.query_names())
def test_it_still_prunes_when_the_table_is_another(name: str) -> None:
    text = catalog.googlesql(name, table=f"monitoring.{TABLE}")
    assert RUN_HISTORY not in text.replace("`", "")
    assert unbounded_reads(text) == []


def touches_rows(name: str) -> bool:
    """Whether a statement reads or changes rows: others change a table's form, or make it."""
    tree = parse_one(catalog.googlesql(name), read="bigquery")
    return not isinstance(tree, (exp.Alter, exp.Create))


@pytest.mark.parametrize("name", [n for n in catalog.statement_names() if touches_rows(n)])
def test_what_a_statement_reads_or_changes_is_bounded_as_well(name: str) -> None:
    assert unbounded_reads(catalog.googlesql(name)) == []


GOOD = "data_date BETWEEN DATE(@start) AND DATE_ADD(DATE(@end), INTERVAL 8 DAY)"


def reading(where: str) -> str:
    return f"SELECT run_id FROM `{RUN_HISTORY}` WHERE {where}"


def merging(condition: str) -> str:
    return (
        f"MERGE `{RUN_HISTORY}` AS history USING found ON history.run_id = found.run_id "
        f"AND {condition} WHEN MATCHED THEN UPDATE SET status = found.status"
    )


@pytest.mark.parametrize(
    "sql",
    [
        reading(GOOD),
        reading(f"status = 'failed' AND {GOOD} AND started_at <= @as_of"),
        reading("data_date >= DATE(@start) AND data_date < DATE(@end)"),
        f"WITH runs AS ({reading(GOOD)}) SELECT COUNT(*) FROM runs",
        f"SELECT a.run_id FROM `{RUN_HISTORY}` AS a JOIN names USING (run_id) WHERE a.{GOOD}",
        f"UPDATE `{RUN_HISTORY}` SET status = 'failed' WHERE {GOOD}",
        f"DELETE FROM `{RUN_HISTORY}` WHERE {GOOD}",
        merging(f"history.{GOOD}"),
    ],
)
def test_a_bounded_read_passes(sql: str) -> None:
    assert unbounded_reads(sql) == []


@pytest.mark.parametrize(
    ("sql", "problems"),
    [
        (f"SELECT run_id FROM `{RUN_HISTORY}`", ["no lower bound", "no upper bound"]),
        (reading("started_at >= @start"), ["no lower bound", "no upper bound"]),
        (reading("data_date >= DATE(@start)"), ["no upper bound"]),
        (reading("data_date <= DATE(@end)"), ["no lower bound"]),
        (reading(f"{GOOD} OR backfill_mode"), ["no lower bound", "no upper bound"]),
        (reading("NOT (data_date >= DATE(@start))"), ["no lower bound", "no upper bound"]),
        (
            reading("data_date BETWEEN DATE(started_at) AND DATE(@end)"),
            ["no lower bound"],
        ),
        (
            reading("DATE_TRUNC(data_date, MONTH) BETWEEN DATE(@start) AND DATE(@end)"),
            ["no lower bound", "no upper bound"],
        ),
        (
            f"SELECT * FROM (SELECT * FROM `{RUN_HISTORY}`) WHERE {GOOD}",
            ["no lower bound", "no upper bound"],
        ),
        (
            f"{reading(GOOD)} UNION ALL SELECT run_id FROM `{RUN_HISTORY}`",
            ["no lower bound", "no upper bound"],
        ),
        (
            f"SELECT a.run_id FROM `{RUN_HISTORY}` AS a JOIN `{RUN_HISTORY}` AS b USING (run_id) "
            f"WHERE b.{GOOD}",
            ["no lower bound", "no upper bound"],
        ),
        (
            "DELETE FROM `nba_analytics.upcoming_team_game_context` WHERE game_date < @before",
            ["no lower bound"],
        ),
        (
            f"UPDATE `{RUN_HISTORY}` SET status = 'failed' WHERE started_at >= @start",
            ["no lower bound", "no upper bound"],
        ),
        (merging(GOOD), ["no lower bound", "no upper bound"]),  # may be the other table's
        (merging(f"found.{GOOD}"), ["no lower bound", "no upper bound"]),
        (
            f"INSERT INTO audit (run_id) SELECT run_id FROM `{RUN_HISTORY}`",
            ["no lower bound", "no upper bound"],
        ),
        ("SELECT 1", [f"does not read {RUN_HISTORY}"]),
    ],
)
def test_an_unbounded_read_is_found(sql: str, problems: list[str]) -> None:
    assert unbounded_reads(sql) == problems
