"""The run history table: its columns, types, and how it is partitioned.

One place for the names that every query and writer uses. Another project's table name is a setting
(`?table=dataset.table` in the warehouse URL); its columns are these, or any subset of them beyond
the required ones: a column that is absent reads as NULL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DATASET = "nba_reference"
TABLE = "processor_run_history"
RUN_HISTORY = f"{DATASET}.{TABLE}"
PARTITION_COLUMN = "data_date"
CLUSTER_COLUMNS = ("processor_name", "status", "season_year")

Type = Literal["STRING", "INT64", "FLOAT64", "BOOLEAN", "DATE", "TIMESTAMP", "JSON"]

DUCKDB_TYPES: dict[str, str] = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "JSON": "JSON",
}


@dataclass(frozen=True)
class RunColumn:
    """One column, in GoogleSQL's words."""

    name: str
    type: Type
    required: bool
    meaning: str


COLUMNS: tuple[RunColumn, ...] = (
    RunColumn("processor_name", "STRING", True, "class that ran"),
    RunColumn("run_id", "STRING", True, "unique id of the run"),
    RunColumn("season_year", "INT64", False, "first year of the season"),
    RunColumn("status", "STRING", True, "running, success, failed, partial, skipped"),
    RunColumn("duration_seconds", "FLOAT64", False, "seconds from start to finish"),
    RunColumn("records_processed", "INT64", False, "rows handled"),
    RunColumn("records_created", "INT64", False, "rows inserted"),
    RunColumn("records_updated", "INT64", False, "rows changed"),
    RunColumn("records_skipped", "INT64", False, "rows left alone"),
    RunColumn("data_source_primary", "STRING", False, "main source"),
    RunColumn("data_source_enhancement", "STRING", False, "second source"),
    RunColumn("data_records_queried", "INT64", False, "source rows read"),
    RunColumn("validation_mode", "STRING", False, "full, partial, none"),
    RunColumn("validation_skipped_reason", "STRING", False, "why validation was skipped"),
    RunColumn("source_data_freshness_days", "INT64", False, "age of the source in days"),
    RunColumn("espn_roster_date", "DATE", False, "espn roster date"),
    RunColumn("nbacom_source_date", "DATE", False, "nbacom source date"),
    RunColumn("br_scrape_date", "DATE", False, "br scrape date"),
    RunColumn("gamebook_pdf_date", "DATE", False, "gamebook pdf date"),
    RunColumn("espn_matched_requested_date", "BOOLEAN", False, "espn matched requested date"),
    RunColumn("nbacom_matched_requested_date", "BOOLEAN", False, "nbacom matched requested date"),
    RunColumn("br_matched_requested_date", "BOOLEAN", False, "br matched requested date"),
    RunColumn(
        "gamebook_matched_requested_date", "BOOLEAN", False, "gamebook matched requested date"
    ),
    RunColumn("used_source_fallback", "BOOLEAN", False, "a fallback source was used"),
    RunColumn("season_filter", "STRING", False, "season filter"),
    RunColumn("team_filter", "STRING", False, "team filter"),
    RunColumn("date_range_filter_start", "DATE", False, "date range filter start"),
    RunColumn("date_range_filter_end", "DATE", False, "date range filter end"),
    RunColumn("backfill_mode", "BOOLEAN", False, "bulk replay of old dates"),
    RunColumn("force_reprocess", "BOOLEAN", False, "forced"),
    RunColumn("test_mode", "BOOLEAN", False, "test run"),
    RunColumn("execution_host", "STRING", False, "cloud-run, local, backfill-job, workflow"),
    RunColumn("triggered_by", "STRING", False, "scheduler, manual, workflow, api, retry"),
    RunColumn("errors", "JSON", False, "array of error objects or strings"),
    RunColumn("warnings", "JSON", False, "array of warnings"),
    RunColumn("summary", "JSON", False, "result summary"),
    RunColumn("data_date", "DATE", True, "date that the data is about; partition key"),
    RunColumn("started_at", "TIMESTAMP", True, "start"),
    RunColumn("processed_at", "TIMESTAMP", False, "end; null while running"),
    RunColumn("phase", "STRING", False, "phase label"),
    RunColumn("output_table", "STRING", False, "table written"),
    RunColumn("output_dataset", "STRING", False, "dataset written"),
    RunColumn("trigger_source", "STRING", False, "pubsub, scheduler, manual, api"),
    RunColumn("trigger_message_id", "STRING", False, "Pub/Sub message id, same on redelivery"),
    RunColumn("trigger_message_data", "JSON", False, "the message"),
    RunColumn("parent_processor", "STRING", False, "upstream that triggered"),
    RunColumn(
        "upstream_dependencies", "JSON", False, "dependencies checked [{table, status, age_hours}]"
    ),
    RunColumn("dependency_check_passed", "BOOLEAN", False, "all critical ones passed"),
    RunColumn("missing_dependencies", "JSON", False, "missing tables"),
    RunColumn("stale_dependencies", "JSON", False, "stale tables"),
    RunColumn("alert_sent", "BOOLEAN", False, "alert sent"),
    RunColumn("alert_type", "STRING", False, "error, warning, info"),
    RunColumn("cloud_run_service", "STRING", False, "service"),
    RunColumn("cloud_run_revision", "STRING", False, "revision"),
    RunColumn("retry_attempt", "INT64", False, "1, 2, 3 ...; null in old rows"),
    RunColumn("skipped", "BOOLEAN", False, "skipped"),
    RunColumn("skip_reason", "STRING", False, "smart_skip, early_exit, already_processed, no_data"),
    RunColumn(
        "failure_category",
        "STRING",
        False,
        "added 2026-01-14, null before; nbkit.failures has both vocabularies",
    ),
    RunColumn("timing_breakdown", "JSON", False, "seconds by stage"),
    # Ours; `nbkit history migrate` adds them to a table that lacks them.
    RunColumn("heartbeat_at", "TIMESTAMP", False, "last sign of life"),
    RunColumn("killed_by_timeout", "BOOLEAN", False, "ended from outside: too long, or no life"),
)
COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
REQUIRED: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.required)
# Columns that a table may have been made before, each with a statement `add_<column>`.
ADDED = ("failure_category", "heartbeat_at", "killed_by_timeout")


def migration_hint(words: str) -> str:
    """What to do about a refusal that names a column of `ADDED`; empty for any other."""
    if any(column in words for column in ADDED):
        return " `nbkit history migrate` adds the columns that an older history lacks."
    return ""


def duckdb_ddl(table: str = RUN_HISTORY) -> str:
    """`CREATE TABLE` for DuckDB. Required columns are NOT NULL; DuckDB has no partitions."""
    columns = ",\n".join(
        f'  "{c.name}" {DUCKDB_TYPES[c.type]}{" NOT NULL" if c.required else ""}' for c in COLUMNS
    )
    dataset, name = table.split(".")
    return f'CREATE TABLE "{dataset}"."{name}" (\n{columns}\n)'


def bigquery_ddl(table: str = RUN_HISTORY) -> str:
    """`CREATE TABLE` for BigQuery, partitioned and clustered as in production."""
    columns = ",\n".join(
        f"  `{c.name}` {'BOOL' if c.type == 'BOOLEAN' else c.type}"
        f"{' NOT NULL' if c.required else ''}"
        for c in COLUMNS
    )
    return (
        f"CREATE TABLE `{table}` (\n{columns}\n)\n"
        f"PARTITION BY {PARTITION_COLUMN}\nCLUSTER BY {', '.join(CLUSTER_COLUMNS)}"
    )
