"""Categories for rows that were written before there was such a column.

Old rows are classified on read as well, by the same rules; filling them makes that quick, and lets
the platform's own queries see it. In batches of dates, each by one MERGE: row by row would meet the
DML quotas that the platform has met before. Rows that are alike in all that decides a category are
judged and sent once. What was filled, and by which rule, stays in `nbkit_categories` beside the
history.
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
# BigQuery refuses to change rows that it still holds in a streaming buffer, for up to 90 minutes.
SETTLED = timedelta(hours=2)
_KIND = ["processor_name", "status", "phase", "skip_reason", "errors_text"]


@dataclass(frozen=True)
class Span:
    """Rows to look at: data dates, both included, that ended before a moment."""

    since: date
    until: date
    before: datetime

    def batches(self, days: int) -> Iterator[Span]:
        """The same rows, some dates at a time, the oldest first."""
        first = self.since
        while first <= self.until:
            last = min(first + timedelta(days=days - 1), self.until)
            yield Span(first, last, self.before)
            first = last + timedelta(days=1)


@dataclass(frozen=True)
class Batch:
    """Some dates: rows without a category by the one that they should have, and rows filled."""

    span: Span
    categories: dict[str, int]
    filled: int

    @property
    def rows(self) -> int:
        return sum(self.categories.values())

    @property
    def days(self) -> int:
        return (self.span.until - self.span.since).days + 1


@dataclass(frozen=True)
class Counted:
    """How many ended rows have which category; None: none recorded."""

    categories: dict[str | None, int]

    @property
    def missing(self) -> int:
        return self.categories.get(None, 0)

    def after(self, batches: tuple[Batch, ...]) -> Counted:
        """What the count becomes where these batches are filled."""
        found = dict(self.categories)
        for batch in batches:
            for category, rows in batch.categories.items():
                found[category] = found.get(category, 0) + rows
                found[None] = found.get(None, 0) - rows
        return Counted({category: rows for category, rows in found.items() if rows})


def count(warehouse: Warehouse, span: Span) -> Counted:
    """The categories as they are recorded, of rows that have ended."""
    frame = warehouse.query(
        "recorded_categories", first_date=span.since, last_date=span.until, before=span.before
    )
    return Counted(
        {
            category if isinstance(category, str) else None: int(rows)
            for category, rows in zip(frame["failure_category"], frame["row_count"], strict=True)
        }
    )


def fill(
    warehouse: Warehouse,
    span: Span,
    *,
    batch_days: int = 7,
    apply: bool,
    now: datetime,
    on_batch: Callable[[Batch], None] = lambda _: None,
) -> tuple[Batch, ...]:
    """Classify the rows without a category, the oldest first; with `apply`, write it down.

    An interrupted call is simply called again: rows that have a category are not looked at, and a
    batch that was staged but not merged is not staged twice.

    Args:
        batch_days: how many dates one MERGE takes.
        now: written beside what was filled.
        on_batch: told of each batch when it is done.

    Raises:
        ParameterError: the dates are the wrong way round, or `batch_days` is below 1.
        WarehouseError: what was filled until then stays.
    """
    if span.until < span.since or batch_days < 1:
        raise ParameterError(
            f"Dates {span.since} to {span.until} in batches of {batch_days}: give a first date "
            "that is not after the last, and batches of at least one day."
        )
    done = []
    for part in span.batches(batch_days):
        batch = _fill_batch(warehouse, part, apply=apply, now=now)
        done.append(batch)
        on_batch(batch)
    return tuple(done)


def _fill_batch(warehouse: Warehouse, span: Span, *, apply: bool, now: datetime) -> Batch:
    dates = {"first_date": span.since, "last_date": span.until, "before": span.before}
    kinds = warehouse.query("uncategorised_kinds", **dates)
    judged = classify_history(kinds)
    by_category = judged.groupby("category")["row_count"].sum()
    categories = {str(category): int(rows) for category, rows in by_category.items()}
    filled = 0
    if apply and len(judged):
        staged = _staged(judged, span, now)
        dataset = warehouse.history.split(".")[0]
        batch = str(staged["batch"].iloc[0])
        warehouse.append(f"{dataset}.{STAGING}", staged, key=f"categories {batch}")
        filled = warehouse.execute("fill_categories", batch=batch, **dates)
    return Batch(span, categories, filled)


def _staged(judged: pd.DataFrame, span: Span, now: datetime) -> pd.DataFrame:
    """The rows of the batch; its name is made of what it says, so that the same is staged once."""
    import pandas as pd

    said = judged[[*_KIND, "category"]].to_json(orient="values")
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    return judged[_KIND].assign(
        batch=f"{span.since}_{span.until}_{digest}",
        row_count=judged["row_count"],
        failure_category=judged["category"],
        rule=judged["category_rule"],
        filled_at=pd.Timestamp(now),
    )
