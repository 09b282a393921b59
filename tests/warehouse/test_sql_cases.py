"""Each query's cases in tests/sql/<query>/<case>.yaml give the expected rows, on both engines.

A case has `parameters`, `runs` (rows of run history; what is not given is null), for queries of
other tables `tables` (their rows by `dataset.table`), and `expected` (rows, with only the columns
that the case is about). `pytest --rewrite` is not offered: a case is
written by hand, from what the query promises.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from emulator import PROJECT, emulator_client

from nbkit.warehouse import catalog
from nbkit.warehouse.protocol import Warehouse

FOLDER = Path(__file__).parent.parent / "sql"
CASES = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml")
)
Fill = Callable[[pd.DataFrame], Warehouse]


def moments(value: Any) -> Any:
    """YAML's naive UTC datetimes made aware."""
    if isinstance(value, dict):
        return {key: moments(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [moments(inner) for inner in value]
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and not value.tzinfo else value


def read_case(name: str) -> tuple[dict[str, Any], pd.DataFrame, list[dict[str, Any]]]:
    case = moments(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))
    return case["parameters"], pd.DataFrame(case["runs"]), case["expected"]


def read_tables(name: str) -> dict[str, pd.DataFrame]:
    case = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return {table: pd.DataFrame(rows) for table, rows in case.get("tables", {}).items()}


def shown(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if hasattr(value, "item"):
        value = value.item()
    return value if not isinstance(value, float) else pytest.approx(value)


def rows_of(frame: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    return [{c: shown(row[c]) for c in columns} for row in frame.to_dict("records")]


def test_every_query_has_a_case() -> None:
    assert {case.split("/")[0] for case in CASES} == set(catalog.query_names())


@pytest.mark.parametrize("name", CASES)
def test_both_engines_give_the_expected_rows_in_equal_frames(
    name: str, on_duckdb: Fill, on_bigquery: Fill, emulator: str
) -> None:
    parameters, runs, expected = read_case(name)
    query = name.split("/")[0]
    frames = []
    tables = read_tables(name)
    with emulator_client(emulator) as client:
        for table in tables:
            client.create_dataset(table.split(".")[0], exists_ok=True)
            client.delete_table(f"{PROJECT}.{table}", not_found_ok=True)
    for fill in (on_duckdb, on_bigquery):
        with fill(runs) as warehouse:
            for table, rows in tables.items():
                warehouse.append(table, rows)
            frames.append(warehouse.query(query, **parameters))
    pd.testing.assert_frame_equal(frames[0], frames[1])
    columns = list(expected[0]) if expected else []
    assert rows_of(frames[0], columns) == (expected or [{}] * 0)
    assert len(frames[0]) == len(expected)


def test_dates_in_cases_are_dates() -> None:
    parameters, runs, _ = read_case("daily_records/best_run_of_a_date")
    assert isinstance(runs["data_date"][0], date)
    assert parameters["as_of"].tzinfo is UTC
