"""Old rows of the upcoming_* tables: counted, copied to an archive, then deleted.

One early row in such a table kept a fallback from running, and a backfill was incomplete for six
days before anybody noticed (2026-01-06). The platform's own clean-up deleted straight away; here a
row goes only if a copy of it, as it is at that moment, stands in the archive.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nbkit.errors import InputError
from nbkit.warehouse.protocol import Warehouse

AUDIT = "nba_orchestration.cleanup_audit"
KEPT_DAYS = 7
LARGE = 10_000
# Game dates are New York's. Rows older than the look-back are from before the clean-up existed.
_ZONE = ZoneInfo("America/New_York")
_LOOKBACK = timedelta(days=400)
_DELETES = {
    "upcoming_player_game_context": "delete_upcoming_players",
    "upcoming_team_game_context": "delete_upcoming_teams",
}


@dataclass(frozen=True, kw_only=True)
class Cleanup:
    """What a clean-up found and did, in rows by table.

    `first_date` (included) and `before` (not) bound the game dates, which are the partitions.
    """

    id: str
    at: datetime
    first_date: date
    before: date
    found: dict[str, int]
    archived: int
    deleted: dict[str, int]
    is_dry: bool

    @property
    def total(self) -> int:
        return sum(self.found.values())

    @property
    def is_large(self) -> bool:
        return self.total > LARGE

    @property
    def kept(self) -> int:
        """Archived rows that were not deleted, for they were changed in between."""
        return self.archived - sum(self.deleted.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "cleanup_id": self.id,
            "at": self.at.isoformat(),
            "dry_run": self.is_dry,
            "first_date": str(self.first_date),
            "before": str(self.before),
            "found": self.found,
            "archived": self.archived,
            "deleted": self.deleted,
            "kept": self.kept,
            "large": self.is_large,
        }


def cleanup(
    warehouse: Warehouse, *, now: datetime, kept_days: int = KEPT_DAYS, dry_run: bool = True
) -> Cleanup:
    """Clean out rows whose game date is more than `kept_days` days ago.

    Copy and deletion have the same bounds, and a deletion takes only what the copy has: whatever
    happens in between, no row is lost. A clean-up that dies half-way is made good by the next one.

    Raises:
        InputError: `kept_days` would reach into dates that are still used.
        WarehouseError: it did not work; rows that were deleted are in the archive.
    """
    if isinstance(kept_days, bool) or not isinstance(kept_days, int) or kept_days < KEPT_DAYS:
        raise InputError(
            f"kept_days={kept_days!r}: a whole number of days, {KEPT_DAYS} or more. Without such "
            "a bound on game_date, the partition column, nothing is deleted."
        )
    before = now.astimezone(_ZONE).date() - timedelta(days=kept_days)
    bounds = {"first_date": before - _LOOKBACK, "before": before}
    counted = warehouse.query("upcoming_rows", **bounds)
    found = {
        table: int(counted.loc[counted["table_name"] == table, "row_count"].sum())
        for table in _DELETES
    }
    planned = Cleanup(
        id=f"{now:%Y-%m-%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}",
        at=now,
        **bounds,
        found=found,
        archived=0,
        deleted={},
        is_dry=dry_run,
    )
    if dry_run or not planned.total:
        return planned
    _audit(warehouse, planned, step="started")
    warehouse.execute("create_upcoming_archive")
    archived = warehouse.execute("archive_upcoming", cleanup_id=planned.id, now=now, **bounds)
    deleted = {
        table: warehouse.execute(name, cleanup_id=planned.id, **bounds)
        for table, name in _DELETES.items()
    }
    done = Cleanup(
        id=planned.id,
        at=now,
        **bounds,
        found=found,
        archived=archived,
        deleted=deleted,
        is_dry=False,
    )
    _audit(warehouse, done, step="done")
    return done


def _audit(warehouse: Warehouse, cleanup: Cleanup, *, step: str) -> None:
    import pandas as pd

    row = {
        "cleanup_id": cleanup.id,
        "cleaned_at": pd.Timestamp(cleanup.at),
        "step": step,
        "first_date": cleanup.first_date,
        "before_date": cleanup.before,
        "found": json.dumps(cleanup.found),
        "archived": cleanup.archived,
        "deleted": json.dumps(cleanup.deleted),
    }
    warehouse.append(AUDIT, pd.DataFrame([row]))
