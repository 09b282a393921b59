"""Categories for rows that were written before there was such a column.

Old rows are classified on read as well, by the same rules; filling them makes that quick, and lets
the platform's own queries see it. In batches of days, each by one MERGE: row by row would meet the
DML quotas that the platform has met before. What was filled, and by which rule, stays in
`nbkit_categories` beside the history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from nbkit.errors import ParameterError
from nbkit.failures import classify_history

if TYPE_CHECKING:
    import pandas as pd

    from nbkit.warehouse.protocol import Warehouse

STAGING = "nbkit_categories"
_MOST = 200_000  # rows of one batch in memory


@dataclass(frozen=True)
class Batch:
    """Some days of rows without a category, and how many got which."""

    first: date
    last: date
    rows: int
    filled: int
    categories: dict[str, int]


@dataclass(frozen=True)
class Counted:
    """How many ended rows of a span of dates have which category; None: none recorded."""

    categories: dict[str | None, int]

    @property
    def missing(self) -> int:
        return self.categories.get(None, 0)


def count(warehouse: Warehouse, *, since: date, until: date) -> Counted:
    """The categories as they are recorded, of rows that have ended."""
    frame = warehouse.query("recorded_categories", first_date=since, last_date=until)
    found: dict[str | None, int] = {}
    for category, rows in zip(frame["failure_category"], frame["row_count"], strict=True):
        name = None if not isinstance(category, str) else category
        found[name] = found.get(name, 0) + int(rows)
    return Counted(found)


def fill(
    warehouse: Warehouse,
    *,
    since: date,
    until: date,
    batch_days: int = 1,
    apply: bool,
    now: datetime,
    on_batch: Callable[[Batch], None] = lambda _: None,
) -> tuple[Batch, ...]:
    """Classify the rows without a category, newest dates last; with `apply`, write it down.

    An interrupted call is simply called again: rows that have a category are not looked at, and a
    batch that was staged but not merged is not staged twice.

    Args:
        since, until: data dates, both included.
        batch_days: how many dates one MERGE takes.
        now: written beside what was filled.

    Raises:
        ParameterError: the dates are the wrong way round, or `batch_days` is below 1.
        WarehouseError: what was filled until then stays.
    """
    if until < since or batch_days < 1:
        raise ParameterError(
            f"Dates {since} to {until} in batches of {batch_days}: give a first date that is not "
            "after the last, and batches of at least one day."
        )
    done: list[Batch] = []
    for first, last in _spans(since, until, batch_days):
        for batch in _fill_span(warehouse, first, last, apply=apply, now=now):
            done.append(batch)
            on_batch(batch)
    return tuple(done)


def _fill_span(
    warehouse: Warehouse, first: date, last: date, *, apply: bool, now: datetime
) -> Iterator[Batch]:
    while True:
        rows = warehouse.query("uncategorised_rows", first_date=first, last_date=last, most=_MOST)
        if rows.empty:
            yield Batch(first, last, 0, 0, {})
            return
        judged = classify_history(rows).dropna(subset=["category"])
        categories = {str(k): int(n) for k, n in judged["category"].value_counts().items()}
        filled = _write(warehouse, judged, first, last, now) if apply else 0
        yield Batch(first, last, len(rows), filled, categories)
        if len(rows) < _MOST or not filled:
            return


def _write(
    warehouse: Warehouse, judged: pd.DataFrame, first: date, last: date, now: datetime
) -> int:
    import pandas as pd

    found = judged.drop_duplicates(["run_id", "status"])
    listed = found[["run_id", "status", "category"]].to_csv(index=False)
    batch = f"{first}_{last}_{hashlib.sha256(listed.encode()).hexdigest()[:16]}"
    staged = pd.DataFrame(
        {
            "batch": batch,
            "run_id": found["run_id"].astype("str"),
            "status": found["status"].astype("str"),
            "failure_category": found["category"].astype("str"),
            "rule": found["category_rule"].astype("str"),
            "filled_at": pd.Timestamp(now),
        }
    )
    dataset = warehouse.history.split(".")[0]
    warehouse.append(f"{dataset}.{STAGING}", staged, key=f"categories {batch}")
    return warehouse.execute("fill_categories", batch=batch, first_date=first, last_date=last)


def _spans(since: date, until: date, days: int) -> Iterator[tuple[date, date]]:
    first = since
    while first <= until:
        last = min(first + timedelta(days=days - 1), until)
        yield first, last
        first = last + timedelta(days=1)
