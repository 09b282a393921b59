"""Published figures beside those of a demo file: what `nbkit demo compare` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkit.warehouse.demo.facts import load_facts, load_published
from nbkit.warehouse.demo.hours import WEEKDAYS
from nbkit.warehouse.demo.truth import DemoTruth, load_truth
from nbkit.warehouse.schema import RUN_HISTORY

if TYPE_CHECKING:
    import duckdb

HOUR_TOLERANCE = 0.02
DURATION_TOLERANCE = 0.05
MEAN_TOLERANCE = 0.01
# Weekday means share one fixed set of values with the total, whose figures are exact.
WEEKDAY_TOLERANCE = 0.05
# The processors that a peak is named for are among this many with most failures in it.
AMONG_THE_TOP = 6


@dataclass(frozen=True)
class Comparison:
    """One published figure and what the demo has.

    `tolerance` is the largest relative difference allowed, 0 for exact; `bound` says whether the
    published figure is a value to meet, a least or a most.
    """

    section: str
    figure: str
    published: float
    generated: float
    tolerance: float
    bound: str = "equal"

    @property
    def difference(self) -> float:
        """Relative; absolute where the published figure is zero."""
        gap = self.generated - self.published
        return gap / self.published if self.published else gap

    @property
    def ok(self) -> bool:
        if self.bound == "at least":
            return self.generated >= self.published
        if self.bound == "below":
            return self.generated < self.published
        return abs(self.difference) <= self.tolerance + 1e-9


def compare(path: Path) -> tuple[Comparison, ...]:
    """Compare a demo file with the published figures.

    Counts of a demo of another size are compared with the published ones scaled to it, give or
    take one run per part.

    Raises:
        WarehouseMissing, WarehouseForeign, WarehouseLocked: the file is no demo warehouse.
    """
    import duckdb

    truth = load_truth(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # One row a run; times as they were before the demo was shifted.
        connection.execute(
            f"""
            CREATE TEMP TABLE history AS
            SELECT processor_name, run_id, status, duration_seconds, records_processed, phase,
              dependency_check_passed, CAST(errors AS VARCHAR) AS errors,
              data_date - CAST($shift // 86400000000 AS INTEGER) AS data_date,
              started_at - to_microseconds($shift) AS started_at,
              processed_at - to_microseconds($shift) AS processed_at
            FROM {RUN_HISTORY}
            QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY status = 'running') = 1
            """,
            {"shift": truth.shift // timedelta(microseconds=1)},
        )
        connection.execute(
            "CREATE TEMP VIEW main AS FROM history "
            "WHERE started_at >= DATE '2025-12-14' AND started_at < DATE '2026-01-14'"
        )
        return tuple(_all(connection, truth))


def _all(connection: duckdb.DuckDBPyConnection, truth: DemoTruth) -> Iterator[Comparison]:
    figures = load_published()
    scale = truth.runs / figures["total_runs"]
    yield from _counts(connection, figures, scale)
    yield from _peaks(connection, figures, scale)
    yield from _durations(connection, figures)
    yield from _records(connection, figures, scale)
    yield from _weekdays(connection, figures)
    yield from _dependencies(connection, figures, scale)
    yield from _causes(connection, figures, scale)
    if truth.runs == figures["total_runs"]:
        yield from _tracking_bug(connection, figures)


def _counts(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any], scale: float
) -> Iterator[Comparison]:
    total = _one(connection, "SELECT count(*) FROM main")
    yield Comparison("totals", "runs", round(figures["total_runs"] * scale), total, 0)
    for section, column in (("phases", "phase"), ("processors", "processor_name")):
        rows = connection.execute(
            f"SELECT {column}, count(*), count(*) FILTER (status = 'success'), "
            "count(*) FILTER (status = 'failed'), avg(duration_seconds) FROM main GROUP BY ALL"
        ).fetchall()
        found = {row[0]: row[1:] for row in rows}
        # What rounding leaves of the total goes to one processor: it is a sum as well.
        summed = len(load_facts().processors)
        for name, figure in figures[section].items():
            own = found.get(name, (0, 0, 0, 0.0))
            for place, what in enumerate(("runs", "successes", "failures")):
                yield _count(
                    section, f"{name} {what}", figure[what], own[place], scale, summed=summed
                )
            if "mean_duration_s" in figure:
                yield Comparison(
                    section,
                    f"{name} mean duration (s)",
                    figure["mean_duration_s"],
                    float(own[3]),
                    MEAN_TOLERANCE,
                )


def _peaks(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any], scale: float
) -> Iterator[Comparison]:
    for peak in figures["peak_failure_hours"]:
        rows = connection.execute(
            "SELECT processor_name, count(*) FROM main WHERE status = 'failed' "
            "AND isodow(started_at) = $day AND hour(started_at) = $hour "
            "GROUP BY 1 ORDER BY 2 DESC, 1",
            {"day": WEEKDAYS.index(peak["weekday"]) + 1, "hour": peak["hour"]},
        ).fetchall()
        title = f"{peak['weekday']} {peak['hour']:02d} UTC"
        yield Comparison(
            "peak hours",
            f"{title} failures",
            round(peak["failures"] * scale),
            sum(row[1] for row in rows),
            HOUR_TOLERANCE,
        )
        top = {row[0] for row in rows[:AMONG_THE_TOP]}
        named = peak["processors"]
        yield Comparison(
            "peak hours",
            f"{title} named processors in its top {AMONG_THE_TOP}",
            len(named),
            sum(name in top for name in named),
            0,
        )


def _durations(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any]
) -> Iterator[Comparison]:
    for name, figure in figures["durations_s"].items():
        row = connection.execute(
            "SELECT avg(duration_seconds), quantile_cont(duration_seconds, 0.95), "
            "max(duration_seconds) FROM main WHERE status = 'success' AND processor_name = ?",
            [name],
        ).fetchone()
        for what, value in zip(("mean", "p95", "max"), row or (), strict=True):
            yield Comparison(
                "durations", f"{name} {what} (s)", figure[what], value or 0.0, DURATION_TOLERANCE
            )


def _records(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any], scale: float
) -> Iterator[Comparison]:
    for name, figure in (figures["records"] | figures["zero_record_suspects"]).items():
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (records_processed = 0), median(records_processed), "
            "avg(records_processed) FROM main WHERE status = 'success' AND processor_name = ?",
            [name],
        ).fetchone() or (0, 0, 0, 0)
        yield _count("records", f"{name} successes", figure["n"], row[0], scale)
        yield _count("records", f"{name} with zero records", figure["zeros"], row[1], scale)
        if "median" in figure:
            # A median is an order statistic: a scaled demo has its neighbours instead.
            slack = 0 if scale == 1 else DURATION_TOLERANCE
            yield Comparison("records", f"{name} median", figure["median"], row[2] or 0, slack)
            slack = MEAN_TOLERANCE if scale == 1 else DURATION_TOLERANCE
            yield Comparison("records", f"{name} mean", figure["mean"], row[3] or 0, slack)


def _weekdays(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any]
) -> Iterator[Comparison]:
    for name, by_day in figures["records_by_weekday"].items():
        for day, figure in by_day.items():
            row = connection.execute(
                "SELECT avg(records_processed) FROM main WHERE status = 'success' "
                "AND processor_name = ? AND isodow(started_at) = ?",
                [name, WEEKDAYS.index(day) + 1],
            ).fetchone()
            found = float(row[0]) if row and row[0] is not None else 0.0
            yield Comparison(
                "weekdays", f"{name} mean, {day}", figure["mean"], found, WEEKDAY_TOLERANCE
            )


def _dependencies(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any], scale: float
) -> Iterator[Comparison]:
    rows = connection.execute(
        "SELECT processor_name, count(*) FROM main WHERE NOT dependency_check_passed GROUP BY 1"
    ).fetchall()
    found = dict(rows)
    for name, figure in figures["dependency_failures"].items():
        yield _count("dependencies", f"{name} blocked", figure["n"], found.get(name, 0), scale)


def _causes(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any], scale: float
) -> Iterator[Comparison]:
    swept = _one(
        connection,
        "SELECT count(*) FROM main WHERE errors LIKE '%stale_running_cleanup%' "
        "AND processed_at > TIMESTAMPTZ '2026-01-06 12:00:00Z' "
        "AND processed_at <= TIMESTAMPTZ '2026-01-13 12:00:00Z'",
    )
    yield _count("causes", "swept in the last 7 days", figures["recent_sweeps_7d"], swept, scale)
    expected = _one(
        connection,
        "SELECT count(*) FILTER (regexp_matches(errors, 'nothing to merge|No (NBA )?games found|"
        "published after the game|has not started|not started|No player props data|"
        "No events found|Empty JSON array')) / count(*) "
        "FROM main WHERE status = 'failed' AND phase = 'phase_2_raw'",
    )
    yield Comparison(
        "causes",
        "phase_2_raw failures that are expected",
        figures["phase_2_expected_share"],
        expected,
        0,
        "at least",
    )


def _tracking_bug(
    connection: duckdb.DuckDBPyConnection, figures: dict[str, Any]
) -> Iterator[Comparison]:
    from nbkit.warehouse.demo.calendar import EPOCH, no_game_days
    from nbkit.warehouse.demo.facts import HISTORY_END, HISTORY_START

    figure = figures["zero_record_runs"]
    zero = "status = 'success' AND records_processed = 0"
    first, last = figure["before"]["start"], figure["before"]["end"]
    inside = f"CAST(started_at AS DATE) BETWEEN DATE '{first}' AND DATE '{last}'"
    before = _one(connection, f"SELECT count(*) FROM history WHERE {zero} AND {inside}")
    after = _one(
        connection,
        f"SELECT count(*) FROM history WHERE {zero} "
        f"AND CAST(started_at AS DATE) >= DATE '{figure['after']['start']}'",
    )
    off = ", ".join(
        f"DATE '{EPOCH + timedelta(days=day)}'" for day in no_game_days(HISTORY_START, HISTORY_END)
    )
    false = _one(
        connection,
        f"SELECT count(*) FILTER (z.started_at < d.last OR z.data_date IN ({off})) / count(*) "
        "FROM (SELECT *"
        f" FROM history WHERE {zero} AND {inside}) AS z LEFT JOIN ("
        "  SELECT processor_name, data_date, max(started_at) AS last FROM history "
        "  WHERE status = 'success' AND records_processed > 0 GROUP BY 1, 2) AS d "
        "USING (processor_name, data_date)",
    )
    days = (last - first).days + 1
    runs, per_day = figure["before"]["runs"], figure["before"]["per_day"]
    share = figure["false_positive_share"]
    most, most_a_day = figure["after"]["runs_below"], figure["after"]["per_day_below"]
    section = "tracking bug"
    yield Comparison(section, f"zero-record runs, {days} days", runs, before, 0)
    yield Comparison(section, "a day before the fix", per_day, before / days, 0.01)
    yield Comparison(section, "share of false alarms", share, false, 0.01)
    yield Comparison(section, "runs after the fix", most, after, 0, "below")
    yield Comparison(section, "a day after the fix", most_a_day, after / 5, 0, "below")


def _count(
    section: str, figure: str, published: int, generated: float, scale: float, *, summed: int = 1
) -> Comparison:
    """A count; `summed` says of how many rounded numbers it is the sum."""
    wanted = round(published * scale)
    # Parts are rounded on their own; the default has one part and no rounding.
    slack = 0.0 if scale == 1 else max(summed + 1, scale) / max(wanted, 1)
    return Comparison(section, figure, wanted, generated, slack)


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    row = connection.execute(query).fetchone()
    return 0 if row is None or row[0] is None else row[0]
