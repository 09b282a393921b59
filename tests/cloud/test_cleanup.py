"""Old rows of the upcoming_* tables go to the archive first, on both engines."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
from emulator import emulator_client
from warehouses import Fill, a_run, read_table

from nbkit.errors import InputError
from nbkit.runs.cleanup import AUDIT, cleanup
from nbkit.warehouse import open_warehouse

# 03:30 UTC on the 14th is still the 13th in New York, whose game dates these are.
NOW = datetime(2026, 1, 14, 3, 30, tzinfo=UTC)
PLAYERS = "nba_analytics.upcoming_player_game_context"
TEAMS = "nba_analytics.upcoming_team_game_context"
ARCHIVE = "nba_orchestration.upcoming_archive"


@pytest.fixture
def url(fill: Fill) -> str:
    """Five rows of players, of which three are old, and two of teams, of which one is."""
    url = fill(
        [a_run("UpcomingPlayerGameContextProcessor", "r1", started_at="2026-01-12 10:00:00")]
    )
    if url.startswith("bigquery"):
        with emulator_client(url.partition("api_endpoint=")[2]) as client:
            client.create_dataset("nba_analytics", exists_ok=True)
            for table in (PLAYERS, TEAMS, ARCHIVE, AUDIT):
                client.delete_table(f"nba-props-platform.{table}", not_found_ok=True)
    days = [date(2025, 12, 30), date(2026, 1, 5), date(2026, 1, 5), date(2026, 1, 6)]
    with open_warehouse(url) as warehouse:
        warehouse.append(
            PLAYERS,
            pd.DataFrame(
                {
                    "player_lookup": ["lebronjames", "kevindurant", "kevindurant", 'it\'s "q"'],
                    "game_date": days,
                    "points_line": [25.5, None, None, 10.0],
                }
            ),
        )
        teams = {"team_abbr": ["LAL", "BOS"], "game_date": [days[1], date(2026, 1, 20)]}
        warehouse.append(TEAMS, pd.DataFrame(teams))
    return url


def rows_of(url: str, table: str) -> list[dict[str, Any]]:
    return read_table(url, table, order="game_date")


def test_nothing_is_deleted_unless_it_is_said(url: str) -> None:
    with open_warehouse(url) as warehouse:
        found = cleanup(warehouse, now=NOW)
    assert found.is_dry
    assert found.found == {PLAYERS.split(".")[1]: 3, TEAMS.split(".")[1]: 1}
    assert (found.archived, found.deleted) == (0, {})
    assert (len(rows_of(url, PLAYERS)), len(rows_of(url, TEAMS))) == (4, 2)


def test_what_is_deleted_is_in_the_archive_whole(url: str) -> None:
    with open_warehouse(url) as warehouse:
        done = cleanup(warehouse, now=NOW, dry_run=False)
        assert (done.archived, sum(done.deleted.values()), done.kept) == (4, 4, 0)
        again = cleanup(warehouse, now=NOW, dry_run=False)
        assert (again.total, again.archived) == (0, 0)
    # Seven days before the 13th is the 6th: that day is kept.
    assert [row["game_date"] for row in rows_of(url, PLAYERS)] == ["2026-01-06"]
    assert [row["team_abbr"] for row in rows_of(url, TEAMS)] == ["BOS"]
    archive = rows_of(url, ARCHIVE)
    assert len(archive) == 4
    assert {row["cleanup_id"] for row in archive} == {done.id}
    oldest = json.loads(archive[0]["content"])
    assert oldest == {
        "player_lookup": "lebronjames",
        "game_date": "2025-12-30",
        "points_line": 25.5,
    }
    audit = read_table(url, AUDIT)
    assert sorted(row["step"] for row in audit) == ["done", "started"]
    assert {row["cleanup_id"] for row in audit} == {done.id}


def test_a_row_that_is_not_in_the_archive_as_it_is_stays(url: str) -> None:
    bounds = {"first_date": date(2025, 1, 1), "before": date(2026, 1, 6)}
    with open_warehouse(url) as warehouse:
        cleanup(warehouse, now=NOW.replace(day=8), dry_run=False)  # only 2025-12-30
        assert len(rows_of(url, PLAYERS)) == 3
        late = {"player_lookup": ["late"], "game_date": [date(2026, 1, 2)], "points_line": [1.0]}
        warehouse.execute("archive_upcoming", cleanup_id="c2", now=NOW, **bounds)
        warehouse.append(PLAYERS, pd.DataFrame(late))  # written between copy and deletion
        assert warehouse.execute("delete_upcoming_players", cleanup_id="c2", **bounds) == 2
    assert rows_of(url, PLAYERS)[0]["player_lookup"] == "late"


@pytest.mark.parametrize("days", [6, 0, -1, True, "7", None, 7.5])
def test_it_refuses_to_run_without_a_bound_on_the_partition(days: Any) -> None:
    with pytest.raises(InputError, match="game_date, the partition column"):
        cleanup(None, now=NOW, kept_days=days, dry_run=False)  # type: ignore[arg-type]
